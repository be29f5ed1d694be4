"""Memory: what the worker holds while it counts for long."""

import dataclasses
import threading
import time
from pathlib import Path
from uuid import uuid4

from benchmarks.ground import Ground, Tell, wait_for
from benchmarks.race import is_reading, watch, worker
from warehouse.client import connect

SAMPLE_SECONDS = 1.0
SHOWN = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
LIMIT_MB = 400


@dataclasses.dataclass(frozen=True)
class Sample:
    """What the worker held when it had counted so many."""

    rows: int
    resident: float
    """MB."""
    anonymous: float
    """MB, files left out: what is really its own."""


@dataclasses.dataclass(frozen=True)
class Memory:
    """Samples over the run."""

    samples: tuple[Sample, ...]

    @property
    def most(self) -> float:
        """The most anonymous memory, MB."""
        return max(sample.anonymous for sample in self.samples)

    def along(self) -> list[Sample]:
        """Samples at a few places of the run."""
        last = self.samples[-1].rows
        return [next(sample for sample in self.samples if sample.rows >= share * last) for share in SHOWN]


def measure(ground: Ground, records: int, seed: int, tell: Tell) -> Memory:
    """Let one worker count a stream of ever new clicks, and sample its memory."""
    log = ground.empty_log()
    with ground.database() as database, connect(database) as client:
        process, address = worker(ground, log, database, f"bench-{uuid4().hex[:8]}")
        try:
            wait_for(lambda: is_reading(address), process)
            samples = [sample(process.pid, 0)]
            writing = threading.Thread(target=ground.write, args=(log, records, seed), daemon=True)
            writing.start()
            taken = 0.0

            def progress(rows: int) -> None:
                nonlocal taken
                tell("counting", rows, records)
                if time.monotonic() - taken >= SAMPLE_SECONDS or rows == records:
                    taken = time.monotonic()
                    samples.append(sample(process.pid, rows))

            watch(client, records, process, progress)
            writing.join()
            return Memory(tuple(samples))
        finally:
            ground.end(process)


def sample(pid: int, rows: int) -> Sample:
    """What a process holds now (Linux)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(rest.split()[0]) / 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return Sample(rows, sizes["Rss"], sizes["Anonymous"])
