"""G1: what a click costs when much is stored already, and when two workers share the partitions."""

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from functools import partial
from uuid import uuid4

from benchmarks.figures import Absolute, Ratio, Spread, ratio_of
from benchmarks.ground import Ground, Tell, cpu_seconds, wait_for
from benchmarks.race import is_reading, watch, worker
from benchmarks.stored import copy_of
from benchmarks.stored import stored as stored_clicks
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

SMALL = 1_000_000
SETTLE_SECONDS = 3.0


@dataclasses.dataclass(frozen=True)
class Cost:
    """CPU microseconds a click."""

    workers: float
    warehouse: float

    @property
    def total(self) -> float:
        """Of both."""
        return self.workers + self.warehouse


@dataclasses.dataclass(frozen=True)
class Growth:
    """Costs round by round."""

    stored: int
    small: Sequence[Cost]
    large: Sequence[Cost]
    two: Sequence[Cost]

    def ratios(self) -> list[Ratio]:
        """G1's two."""
        small, large, two = ([cost.total for cost in costs] for costs in (self.small, self.large, self.two))
        title = f"CPU a click, {self.stored / 1e6:,.0f}M rows stored ÷ {SMALL / 1e6:,.0f}M"
        return [
            Ratio("G1", title, 1.2, 1.05, ratio_of(large, small), at_least=False),
            Ratio("G1", "CPU a click, 2 workers ÷ 1", 1.15, 1.05, ratio_of(two, small), at_least=False),
        ]

    def absolutes(self) -> list[Absolute]:
        """What a click costs."""
        named = (
            (f"1 worker, {SMALL / 1e6:,.0f}M rows stored", self.small),
            (f"1 worker, {self.stored / 1e6:,.0f}M rows stored", self.large),
            (f"2 workers, {SMALL / 1e6:,.0f}M rows stored", self.two),
        )
        return [
            Absolute(
                title,
                {
                    "µs CPU an event": Spread.of([cost.workers for cost in costs]),
                    "µs CPU of the warehouse an event": Spread.of([cost.warehouse for cost in costs]),
                },
            )
            for title, costs in named
        ]


def measure(ground: Ground, tell: Tell, *, stored: int, records: int, rounds: int, seed: int) -> Growth:
    """Count a fresh log beside few and many stored rows, and with two workers, round by round."""
    sizes = {size: stored_clicks(ground, size, tell) for size in (SMALL, stored)}
    small: list[Cost] = []
    large: list[Cost] = []
    two: list[Cost] = []
    for number in range(1, rounds + 1):
        for costs, size, workers in ((small, SMALL, 1), (large, stored, 1), (two, SMALL, 2)):
            title = f"round {number} of {rounds}: {workers} worker{'s' if workers > 1 else ''}, {size / 1e6:,.0f}M rows"
            costs.append(_count(ground, sizes[size], title, tell, workers=workers, records=records, seed=seed))
    return Growth(stored, small, large, two)


def _count(
    ground: Ground, stored: WarehouseSettings, title: str, tell: Tell, *, workers: int, records: int, seed: int
) -> Cost:
    """What counting so many clicks cost, from an empty log on, so that all workers have their share of it."""
    log = ground.empty_log()
    with copy_of(ground, stored) as database, connect(database) as client, contextlib.ExitStack() as ending:
        before = int(str(client.command("SELECT count() FROM events")))
        group = f"bench-{uuid4().hex[:8]}"
        running = []
        for number in range(workers):
            process, address = worker(ground, log, database, group, f"worker-{number + 1}")
            ending.callback(ground.end, process)
            running.append((process, address))
        for process, address in running:
            wait_for(partial(is_reading, address), process)
        time.sleep(SETTLE_SECONDS)  # the second one's coming makes the first one start over
        for process, address in running:
            wait_for(partial(is_reading, address), process)
        began = [cpu_seconds(process.pid) for process, _ in running], cpu_seconds(ground.warehouse.pid)
        ground.write(log, records, seed)
        watch(client, before + records, running[0][0], lambda rows: tell(title, rows - before, records))
        used = [cpu_seconds(process.pid) for process, _ in running], cpu_seconds(ground.warehouse.pid)
        return Cost((sum(used[0]) - sum(began[0])) / records * 1e6, (used[1] - began[1]) / records * 1e6)
