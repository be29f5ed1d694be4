"""`weir bench enrich`: what the chain of functions costs a click, from bytes to rows, in CPU time of one core.

The worker's own chain and maker, over records that are in memory; nothing is read from Kafka or written to ClickHouse.
"""

import asyncio
import dataclasses
import gc
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.table import Table

from benchmarks.clicks import clicks
from benchmarks.contenders.functions import Taken, tune
from benchmarks.contenders.steps import ClockedChain, Spent, by_step, clocked_chain
from benchmarks.figures import Ratio, Spread
from benchmarks.machine import Machine, machine
from deploy.trial import NoLedger
from ingest.events import decode
from streams.batch import Records
from streams.decode import decode_records
from streams.maker import Maker
from streams.patience import Patience
from streams.settings import StreamSettings
from streams.windows.rules import WindowRules
from warehouse.ledger import Partition, Position

PARTITION = Partition(UUID(int=0xE), 0)
BOUND = 8.0
"""Microseconds a click, warm (goal 6)."""
WARM = 60_000
"""Clicks after which the caches hold what comes again: the data has 50,000 captured ones."""

Tell = Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class Cost:
    """Microseconds of CPU a click, over the rounds."""

    total: Spread
    """Of the chain."""
    steps: Mapping[str, Spread]
    hold: Spread
    """What keeping the records until they are judged takes beside it."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be measured."""

    clicks: int
    batch: int
    """Records that come at a time."""
    rounds: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Report:
    """All that was measured."""

    machine: Machine
    plan: Plan
    unique_queries: float
    """Share of the clicks whose query no other click has."""
    databases: int
    """Geo databases that were asked."""
    warm: Cost
    cold: Cost
    """Of the first batch, with caches that are empty."""

    @property
    def ratio(self) -> Ratio:
        """Against the bound."""
        return Ratio("6", "the chain, warm", BOUND, BOUND, self.warm.total, at_least=False, unit="µs")


@dataclasses.dataclass(frozen=True)
class Batch:
    """What was measured of one batch."""

    place: int
    """Records before it."""
    rows: int
    """Rows that were made; some records of the batch are held, and some that were are among them."""
    spent: Spent


def measure(geo_dir: Path, plan: Plan, tell: Tell) -> Report:
    """Put the same clicks through new chains, some times over."""
    at_start = machine()
    tell("making clicks", 0, 0)
    log = [_record(place, value) for place, (_, value) in enumerate(clicks(plan.clicks, plan.seed))]
    cold, warm = [], []
    with _tuned():
        for round_ in range(plan.rounds):
            tell("counting", round_, plan.rounds)
            found = asyncio.run(_run(log, plan.batch, geo_dir))
            cold.append(_a_click(found[:1]))
            warm.append(_a_click([one for one in found if one.place >= WARM] or found[-1:]))
    databases = len(list(geo_dir.glob("*.mmdb")))
    return Report(at_start, plan, _unique_queries(log), databases, _cost(warm), _cost(cold))


def _record(place: int, value: bytes) -> Taken:
    """As Kafka would hand it over, appended when it was clicked."""
    click = decode(value)
    headers = (("src", b"%d" % click.src), ("seq", b"%d" % click.seq))
    return Taken(place, click.ts, value, headers=headers)


async def _run(log: Sequence[Taken], size: int, geo_dir: Path) -> Sequence[Batch]:
    """One round, through a chain that has seen nothing yet."""
    settings = StreamSettings()
    spent: Spent = defaultdict(float)
    windows = WindowRules.of(settings)
    chain = clocked_chain(NoLedger(), geo_dir, settings.cache_size, windows, spent)
    maker = Maker(ClockedChain(chain, PARTITION, spent), windows.hold, Patience(0, 0), rows=len(log), linger=0.0)
    await maker.restore(Position(None), 0)
    found = []
    for first in range(0, len(log), size):
        records = log[first : first + size]
        kept = Records.of(records)
        began = time.thread_time()
        decode_records(kept)  # for its share alone: the chain does it once more
        decoded = time.thread_time()
        maker.put(records)
        built, _ = await maker.make(lambda: None, _stored)
        spent |= {"decode alone": decoded - began, "total": time.thread_time() - decoded}
        found.append(Batch(first, len(built.records), dict(spent)))
        spent.clear()
    return found


async def _stored() -> None:
    """Nothing waits to be stored."""


def _a_click(batches: Sequence[Batch]) -> Spent:
    """Microseconds a click by step, in the order of the steps, `total` of the chain, and `hold`."""
    rows = sum(batch.rows for batch in batches)
    spent = {name: sum(batch.spent[name] for batch in batches) / rows * 1e6 for name in batches[0].spent}
    total, decoded = spent.pop("total"), spent.pop("decode alone")
    steps = by_step(spent, decoded)
    whole = sum(steps.values())
    return {**steps, "hold": total - whole, "total": whole}


def _cost(rounds: Sequence[Spent]) -> Cost:
    spreads = {name: Spread.of([one[name] for one in rounds]) for name in rounds[0]}
    total, hold = spreads.pop("total"), spreads.pop("hold")
    return Cost(total, spreads, hold)


def _unique_queries(log: Sequence[Taken]) -> float:
    queries = Counter(decode(record.value or b"").query for record in log)
    return sum(count == 1 for count in queries.values()) / len(log)


@contextmanager
def _tuned() -> Iterator[None]:
    """The garbage collector as the worker sets it, and afterwards as it was."""
    before = gc.get_threshold()
    tune()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


HEADER = ("step", "warm, µs a click", "share", "cold, µs a click")


def show(report: Report, console: Console) -> None:
    """The figures on a terminal."""
    console.print("\n".join(_head(report)), highlight=False)
    table = Table(*HEADER, box=None)
    for row in _rows(report):
        table.add_row(*row)
    console.print(table)


def markdown(report: Report) -> str:
    """The figures for `docs/benchmarks.md`."""
    lines = [f"{line}  " for line in _head(report)]
    return "\n".join([*lines, "", *(f"| {' | '.join(row)} |" for row in (HEADER, ("---",) * 4, *_rows(report))), ""])


def _head(report: Report) -> Sequence[str]:
    machine, plan, ratio = report.machine, report.plan, report.ratio
    busy = "; the machine was busy, so all of it is too high" if machine.busy else ""
    return (
        f"{machine.at} · {machine.processor} · {machine.cores} cores · load average at start {machine.load:.2f}",
        f"{plan.clicks:,} clicks, {plan.batch:,} at a time, {report.unique_queries:.0%} with a query of their own,"
        f" {report.databases} geo databases; {plan.rounds} rounds, median (least–greatest)",
        f"The chain, warm: {ratio.values.show(2)} µs of CPU a click; the bound is {BOUND:g}: {ratio.reached}{busy}",
    )


def _rows(report: Report) -> Iterator[tuple[str, ...]]:
    warm, cold = report.warm, report.cold
    for name, cost in warm.steps.items():
        share = f"{cost.median / warm.total.median:.0%}"
        yield name, cost.show(2), share, cold.steps[name].show(2)
    yield "the chain", warm.total.show(2), "", cold.total.show(2)
    yield "beside it: hold", warm.hold.show(2), "", cold.hold.show(2)
