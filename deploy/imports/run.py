"""One file from its first line to its last acknowledgement."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deploy.imports.clicks import Clicks, Skipped
from deploy.imports.combined import Rejected
from deploy.imports.lines import Log
from deploy.imports.outbox import Outbox
from deploy.imports.rejects import Rejects
from ingest.events import Kind

POLL_EVERY = 1000
"""Lines between two looks at the acknowledgements."""


@dataclass
class Summary:
    """What became of a file's lines: `lines` = the sum of `kinds` + `skipped` + the sum of `rejected`."""

    file: str
    lines: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    skipped: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    rejects_kept: str = ""
    first_ts: int | None = None
    """Of the earliest event, Unix milliseconds."""
    last_ts: int | None = None
    seconds: float = 0.0
    broken: str = ""
    """What was wrong with the file where it could not be read to its end."""

    @property
    def events(self) -> int:
        """How many lines became events."""
        return self.kinds.total()

    def spans(self, ts: int) -> None:
        """Widen the time span to one more event."""
        self.first_ts = ts if self.first_ts is None else min(ts, self.first_ts)
        self.last_ts = ts if self.last_ts is None else max(ts, self.last_ts)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "file": self.file,
            "lines": self.lines,
            "events": self.events,
            **{kind.value: self.kinds[kind] for kind in (Kind.CLICK, Kind.ORPHAN, Kind.EXPIRED)},
            "skipped_head": self.skipped,
            "rejected": self.rejected,
            "rejects_kept": self.rejects_kept or None,
            "from": _iso(self.first_ts),
            "to": _iso(self.last_ts),
            "seconds": round(self.seconds, 3),
            "broken": self.broken or None,
        }


def import_log(
    log: Log, clicks: Clicks, outbox: Outbox | None, rejects: Rejects, progress: Callable[[int], None]
) -> Summary:
    """Send a log's clicks and wait until Kafka has acknowledged them all; `outbox` None sends nothing.

    Raises `Undelivered`, and `OSError` where the file can't be read or the rejects can't be written.
    """
    summary, started = Summary(log.path.name), time.monotonic()
    for line in log.read(progress):
        try:
            event = clicks.next(line)
        except Rejected as rejected:
            rejects.add(clicks.line, rejected.reason, line)
            continue
        if isinstance(event, Skipped):
            summary.skipped += 1
            continue
        summary.kinds[event.kind] += 1
        summary.spans(event.ts)
        if outbox:
            outbox.put(event)
            if clicks.line % POLL_EVERY == 0:
                outbox.poll()
    if outbox:
        outbox.flush()
    summary.lines, summary.broken = clicks.line, log.broken
    summary.rejected = {reason.value: count for reason, count in rejects.counts.most_common()}
    summary.rejects_kept = str(rejects.path) if rejects.path and rejects.counts else ""
    summary.seconds = time.monotonic() - started
    return summary


def _iso(ts: int | None) -> str | None:
    return None if ts is None else datetime.fromtimestamp(ts / 1000, UTC).isoformat().replace("+00:00", "Z")
