"""`weir bench links`: what a redirector's links take to load, from Kafka and from its snapshot, and to hold."""

import dataclasses
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Ratio, Spread
from benchmarks.ground import Ground, Tell, wait_for
from benchmarks.machine import Machine, machine
from benchmarks.redirects import servers
from benchmarks.redirects.requests import DOMAIN, slug_of
from ingest.kafka import KafkaSettings
from ingest.linkstore import LinkStore
from ingest.linkstore.snapshot import Snapshot

SETTLE_SECONDS = 3.0
LOOK_UPS = 200_000
HEADER = ("a redirector that", "s to ready", "CPU s", "MB resident", "bytes a link")


@dataclasses.dataclass(frozen=True)
class Started:
    """A redirector that was started once, as soon as it was ready."""

    title: str
    links: int
    seconds: float
    cpu: float
    """Seconds of the process until then, its own start included."""
    resident: int
    """Bytes of memory, a little later."""


@dataclasses.dataclass(frozen=True)
class Report:
    """All that was measured."""

    machine: Machine
    links: int
    starts: tuple[Started, ...]
    """Without links, from Kafka, from the snapshot."""
    snapshot: int
    """Bytes of its file."""
    load: float
    """CPU seconds of reading that file into a store."""
    look_up: float
    """CPU microseconds of finding and decoding a link, each another than the one before."""

    @property
    def ratios(self) -> Iterator[Ratio]:
        """What has to be reached."""
        empty, kafka, snapshot = self.starts
        for title, value, limit, unit in (
            ("read from Kafka, start to ready", kafka.seconds, 60, "s"),
            ("read from the snapshot, beyond an empty start", max(snapshot.seconds - empty.seconds, 0), 2, "s"),
            ("memory, read from Kafka", (kafka.resident - empty.resident) / self.links, 500, "bytes a link"),
            ("memory, read from the snapshot", (snapshot.resident - empty.resident) / self.links, 500, "bytes a link"),
            ("a link found and decoded", self.look_up, 2, "µs of CPU"),
        ):
            yield Ratio("–", title, limit, limit, Spread.of([value]), at_least=False, unit=unit)


def measure(folder: Path, links: int, tell: Tell) -> Report:
    """Start three redirectors, one after another. Needs a core for the redirector and one for Kafka."""
    at_start = machine()
    with Ground(folder, tell, warehouse=False) as ground:
        full, none = ground.links(links), ground.links(0)
        spool = ground.path / "spool-of-links"
        shutil.rmtree(spool, ignore_errors=True)
        file = spool / "0" / "links.journal"
        start = _Starter(ground, tell)
        starts = (
            start("has no links", 0, none, ground.path / "spool-of-none"),
            start("reads them from Kafka", links, full, spool, file.exists),
            start("reads its snapshot", links, full, spool),
        )
        tell("looking links up", 0, 0)
        load, look_up = _look_up(file.parent, links)
        return Report(at_start, links, starts, file.stat().st_size, load, look_up)


class _Starter:
    """Starts redirectors on one core and looks at them when they are ready."""

    def __init__(self, ground: Ground, tell: Tell) -> None:
        self._ground, self._tell = ground, tell

    def __call__(
        self, title: str, links: int, kafka: KafkaSettings, spool: Path, done: Callable[[], bool] = lambda: True
    ) -> Started:
        """`done`: what to wait for beside readiness before its memory is looked at."""
        self._tell(f"a redirector {title}", 0, 0)
        core = max(os.sched_getaffinity(0))
        server = servers.redirector(self._ground, core, kafka, WEIR_SPOOL=str(spool))
        cpu = server.cpu.all
        wait_for(done, server.process)
        time.sleep(SETTLE_SECONDS)
        started = Started(title, links, server.seconds, cpu, server.resident)
        self._ground.end(server.process)
        return started


def _look_up(folder: Path, links: int) -> tuple[float, float]:
    """CPU seconds of loading the snapshot into a store, and CPU microseconds of a look-up in it."""
    store = LinkStore(DOMAIN)
    began = time.process_time()
    snapshot = Snapshot(folder, store)
    snapshot.load()
    loaded = time.process_time() - began
    snapshot.abandon()
    rng = random.Random(1)
    slugs = [slug_of(rng.randrange(links)) for _ in range(LOOK_UPS)]
    began = time.process_time()
    for slug in slugs:
        store.get(DOMAIN, slug)
    return loaded, (time.process_time() - began) / LOOK_UPS * 1e6


def show(report: Report, console: Console) -> None:
    """The figures on a terminal."""
    console.print(*_head(report), sep="\n", highlight=False)
    table = Table(*HEADER, box=None)
    for row in _rows(report):
        table.add_row(*row)
    console.print(table)


def markdown(report: Report) -> str:
    """The figures for `docs/benchmarks.md`."""
    lines = [f"{line}  " for line in _head(report)]
    rows = (HEADER, ("---",) * len(HEADER), *_rows(report))
    return "\n".join([*lines, "", *(f"| {' | '.join(row)} |" for row in rows), ""])


def _head(report: Report) -> Sequence[str]:
    machine = report.machine
    file = f"a snapshot of {report.snapshot / 1e6:,.0f} MB, read in {report.load:.2f} s of CPU"
    busy = "; the machine was busy, so all times are too long" if machine.busy else ""
    return (
        f"{machine.at} · {machine.processor} · {machine.cores} cores · load average at start {machine.load:.2f}",
        f"{report.links:,} links; {file}{busy}",
        *(
            f"{ratio.title}: {ratio.values.median:,.2f} {ratio.unit}; the bound is {ratio.floor:g}:"
            f" {'missed' if ratio.reached == 'missed' else 'reached'}"
            for ratio in report.ratios
        ),
    )


def _rows(report: Report) -> Iterator[tuple[str, ...]]:
    empty = report.starts[0]
    for start in report.starts:
        each = f"{(start.resident - empty.resident) / start.links:,.0f}" if start.links else ""
        yield start.title, f"{start.seconds:.1f}", f"{start.cpu:.1f}", f"{start.resident / 1e6:,.0f}", each
