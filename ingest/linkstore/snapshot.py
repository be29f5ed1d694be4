"""The snapshot as the follower uses it: what the disk refuses is an alarm and never stops anything."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

import structlog

from ingest.linkstore.journal import Batch, Journal
from ingest.linkstore.store import LinkStore

STAMP_MS = 60_000
"""How often the snapshot is told that it is up to date where nothing changes."""

STEP_SECONDS = 0.02
"""How long the follower writes at a new snapshot before it looks for records again."""

RETRY_SECONDS = 60.0
"""How long after a failure of the disk a snapshot is written anew."""

log = structlog.get_logger(__name__)


class Snapshot:
    """The journal in `folder`, kept in step with `store`; for one thread.

    A snapshot is only ever one of all links: until the topic has been read once, nothing is written.
    """

    def __init__(self, folder: Path, store: LinkStore) -> None:
        self._store = store
        self._journal = Journal(folder / "links.journal")
        self._pending: dict[str, bytes] = {}
        self._retry_at = 0.0
        self.fails = False
        """Whether the disk refuses it now."""

    @property
    def topic_id(self) -> UUID:
        """Which topic it is of."""
        return self._journal.topic_id

    @property
    def positions(self) -> Mapping[int, int]:
        """Partition → the offset to read on from."""
        return self._journal.positions

    @property
    def current_at(self) -> int:
        """Unix milliseconds: its links are those of this time, or newer."""
        return self._journal.current_at

    def load(self) -> bool:
        """Fill the store; whether there was a snapshot. Where there was none, the store is empty."""
        begin = time.monotonic()
        if not self._try(lambda: self._journal.load(self._store.load)):
            self._store.start_over(serve_on=False)
            return False
        self._store.count_domains()
        self._try(self._journal.go_on)
        seconds = round(time.monotonic() - begin, 3)
        log.info("Links read from the local snapshot", links=len(self._store), seconds=seconds)
        return True

    def put(self, name: str, packed: bytes | None) -> None:
        """A link has changed; written by the next `keep`."""
        if self._journal.is_kept:
            self._pending[name] = packed or b""

    def keep(self, topic_id: UUID, positions: Mapping[int, int], current_at: int, *, whole: bool) -> None:
        """Write what has changed. `whole`: the store has all links that the topic had at `current_at`."""
        self._try(lambda: self._keep(topic_id, positions, current_at, whole=whole))

    def abandon(self) -> None:
        """Write no more until `keep` is told of a whole store; what is on the disk stays as it is."""
        self._pending.clear()
        self._journal.abandon()

    def _keep(self, topic_id: UUID, positions: Mapping[int, int], current_at: int, *, whole: bool) -> bool:
        if self._journal.is_kept:
            if self._pending or current_at - self._journal.current_at >= STAMP_MS:
                self._append(positions, current_at)
            due = self._journal.is_stale(len(self._store))
        else:
            due = whole and time.monotonic() >= self._retry_at
        if due:
            self._journal.rewrite(topic_id, Batch({}, dict(positions), current_at), self._store.items())
        if self._journal.step(STEP_SECONDS):
            self.fails = False
        return True

    def _append(self, positions: Mapping[int, int], current_at: int) -> None:
        known = self._journal.positions
        moved = {number: offset for number, offset in positions.items() if known.get(number) != offset}
        batch, self._pending = Batch(self._pending, moved, current_at), {}
        self._journal.append(batch)

    def _try(self, work: Callable[[], bool]) -> bool:
        try:
            return work()
        except OSError as error:
            self.fails = True
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self.abandon()
            log.error(
                "The local snapshot of the links fails; without it a restart needs Kafka. Is its disk full?",
                error=str(error),
            )
            return False
