"""`weir bench query`: what answers take at a million, ten and a hundred million clicks, and what having them costs."""

import asyncio
import contextlib
import dataclasses
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console

from benchmarks import questions, rolling
from benchmarks.figures import Ratio, Spread, ratio_of
from benchmarks.ground import Ground, Tell, cpu_seconds, wait_for
from benchmarks.machine import Machine, machine
from benchmarks.present import Titled, as_markdown, busy, figures, machine_lines, tables
from benchmarks.sizes import Sizes, sizes_of
from benchmarks.stored import NOW, copy_of, stored
from deploy.preflight import HOST, free_port
from deploy.settings import environment
from deploy.stack import WEIR, is_ready
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

FIGURES = ("Q1", "Q2", "S1", "S2")
CLIENTS = 50


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is measured, and how thoroughly."""

    only: tuple[str, ...] = FIGURES
    clicks: tuple[int, ...] = (1_000_000, 10_000_000, 100_000_000)
    rounds: int = 5
    times: int = 20
    """How often each question is asked in a round."""
    seconds: float = 10.0
    """How long many clients ask."""


@dataclasses.dataclass
class Answers:
    """What an API over so many clicks gave."""

    clicks: int
    asked: Mapping[str, questions.Asked]
    """The six, by name."""
    one: Spread
    """p95 of the six questions together, one client, s, round by round."""
    many: Spread
    """The same of many clients side by side."""
    ratio: Spread
    """p95 over raw rows ÷ p95 over rollups, of the question for channels."""
    raw: questions.Asked


@dataclasses.dataclass
class Report:
    """All that was measured."""

    plan: Plan
    machine: Machine
    answers: list[Answers] = dataclasses.field(default_factory=list)
    sizes: dict[int, Sizes] = dataclasses.field(default_factory=dict)
    rolled: dict[int, float] = dataclasses.field(default_factory=dict)
    """Clicks → CPU microseconds a click that rolling a whole month at once took; only where this run did it."""
    costs: rolling.Costs | None = None

    @property
    def ratios(self) -> list[Ratio]:
        """Those of DESIGN section 4, of the largest number of clicks."""
        return [*self._speed(), *self._sizes(), *self._costs()]

    def _speed(self) -> Iterator[Ratio]:
        if not self.answers:
            return
        last = self.answers[-1]
        at = f"at {last.clicks / 1e6:,.0f}M clicks"
        if "Q1" in self.plan.only:
            yield Ratio("Q1", f"this month by channel, p95 over raw ÷ over rollups {at}", 20, 100, last.ratio)
        if "Q2" in self.plan.only:
            for values, clients, floor in ((last.one, "one client", 100), (last.many, f"{CLIENTS} clients", 1000)):
                title = f"six questions, p95, {clients} {at}"
                yield Ratio("Q2", title, floor, floor / 2, _times(values, 1e3), at_least=False, unit="ms")

    def _sizes(self) -> Iterator[Ratio]:
        for clicks, found in list(self.sizes.items())[-1:]:
            at = f"at {clicks / 1e6:,.0f}M clicks"
            click_, rollups = (Spread(value, value, value) for value in (found.click, found.rollups))
            yield Ratio("S1", f"a click without text columns {at}", 45, 35, click_, at_least=False, unit="bytes")
            yield Ratio("S1", f"all rollups ÷ raw {at}", 0.2, 0.1, rollups, at_least=False)

    def _costs(self) -> Iterator[Ratio]:
        if self.costs is None:
            return
        yield Ratio(
            "S2",
            "CPU of rolling ÷ of inserting",
            0.5,
            0.25,
            ratio_of(self.costs.roll, self.costs.insert),
            at_least=False,
        )
        fence = [held - free for held, free in zip(self.costs.insert, self.costs.unfenced, strict=True)]
        yield Ratio("S2", "the fence's cost a row", 0.2, 0.05, Spread.of(fence), at_least=False, unit="µs")


def measure(folder: Path, plan: Plan, tell: Tell) -> Report:
    """Measure what the plan asks for. Raises `click.ClickException` where an answer is wrong or does not come."""
    report = Report(plan, machine())
    with Ground(folder, tell, kafka=False) as ground:
        for clicks in plan.clicks:
            database = stored(ground, clicks, tell)
            _roll(ground, database, clicks, report, tell)
            if {"Q1", "Q2"} & set(plan.only):
                report.answers.append(_answers(ground, database, clicks, plan, tell))
            if "S1" in plan.only:
                with connect(database) as client:
                    report.sizes[clicks] = sizes_of(client)
        if "S2" in plan.only:
            report.costs = rolling.measure(ground, database, plan.rounds, tell)
    return report


def _roll(ground: Ground, database: WarehouseSettings, clicks: int, report: Report, tell: Tell) -> None:
    """Roll what an earlier run has not rolled; one that was ended half-way is gone on with, and its cost not known."""
    with connect(database) as client:
        is_first = not client.command("SELECT count() FROM rolls")
        tell(f"rolling {clicks / 1e6:,.0f}M clicks", 0, 0)
        began = cpu_seconds(ground.warehouse.pid)
        rolling.roll(client, NOW)
        if is_first:
            report.rolled[clicks] = (cpu_seconds(ground.warehouse.pid) - began) / clicks * 1e6


def _answers(ground: Ground, database: WarehouseSettings, clicks: int, plan: Plan, tell: Tell) -> Answers:
    """Ask an API over rollups and one over a copy that has none, round by round."""
    with copy_of(ground, database) as unrolled, _api(ground, database) as api, _api(ground, unrolled) as raw_api:
        asked: dict[str, questions.Asked] = {}
        one, many, ratio = [], [], []
        for number in range(1, plan.rounds + 1):
            tell(f"asking {clicks / 1e6:,.0f}M clicks, round {number} of {plan.rounds}", number - 1, plan.rounds)
            asked = {name: asyncio.run(questions.ask(api, name, plan.times)) for name in questions.QUESTIONS}
            raw = asyncio.run(questions.ask(raw_api, questions.CHANNELS, plan.times))
            _compare(asked[questions.CHANNELS], raw)
            one.append(_p95([took for question in asked.values() for took in question.seconds]))
            ratio.append(_p95(raw.seconds) / _p95(asked[questions.CHANNELS].seconds))
            many.append(_p95(asyncio.run(questions.ask_side_by_side(api, CLIENTS, plan.seconds))))
        return Answers(clicks, asked, Spread.of(one), Spread.of(many), Spread.of(ratio), raw)


def _compare(rolled: questions.Asked, raw: questions.Asked) -> None:
    """A fast answer that is another than the slow one is none. Raises `click.ClickException`."""
    if rolled.table == raw.table:
        raise click.ClickException(
            f"The question for {rolled.name} was answered from {rolled.table}: nothing is rolled."
        )
    if rolled.answer != raw.answer:
        raise click.ClickException(f"{rolled.table} and {raw.table} differ: {rolled.answer} and {raw.answer}.")


@contextlib.contextmanager
def _api(ground: Ground, database: WarehouseSettings) -> Iterator[str]:
    """An API without a cache over a database; its address."""
    port = free_port()
    own = {"WEIR_API_PORT": str(port), "WEIR_QUERY_CACHE_SECONDS": "0", "WEIR_KAFKA": f"{HOST}:1"}
    process = ground.run("api", (*WEIR, "run", "api"), environment(database) | own)
    try:
        address = f"http://{HOST}:{port}"
        wait_for(lambda: is_ready(f"{address}/-/live"), process)
        yield address
    finally:
        ground.end(process)


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]


def _times(values: Spread, factor: float) -> Spread:
    return Spread(values.least * factor, values.median * factor, values.greatest * factor)


def as_json(report: Report) -> str:
    """Everything, as one JSON object."""
    ratios = [dataclasses.asdict(ratio) | {"reached": ratio.reached} for ratio in report.ratios]
    return json.dumps(dataclasses.asdict(report) | {"ratios": ratios}, indent=2, default=list)


def show(report: Report, console: Console) -> None:
    """The tables on a terminal."""
    tables(_head(report), _tables(report), _notes(report), console)


def markdown(report: Report) -> str:
    """The tables for `docs/benchmarks.md`."""
    return as_markdown(_head(report), _tables(report), _notes(report))


def _head(report: Report) -> list[str]:
    sizes_ = ", ".join(f"{clicks / 1e6:,.0f}M" for clicks in report.plan.clicks)
    return [
        *machine_lines(report.machine),
        f"{sizes_} clicks of one month, {report.plan.rounds} rounds; median (least–greatest)",
    ]


def _tables(report: Report) -> Iterator[Titled]:
    yield from figures(report.ratios, [])
    if report.answers:
        header = ("clicks", "question", "ms at p50", "ms at p95", "rows read", "answered from")
        yield (
            "Six questions, one client, the last round",
            header,
            [row for one in report.answers for row in _asked(one)],
        )
        sides = [(f"{one.clicks / 1e6:,.0f}M", _times(one.many, 1e3).show(0)) for one in report.answers]
        yield f"{CLIENTS} clients side by side", ("clicks", "ms at p95"), sides
    for clicks, found in report.sizes.items():
        rows = [(name, f"{table.rows:,}", f"{table.bytes / 1e6:,.1f}") for name, table in found.tables.items()]
        yield f"Tables of {clicks / 1e6:,.0f}M clicks", ("table", "rows", "MB"), rows
    for clicks, found in list(report.sizes.items())[-1:]:
        texts = [(name, f"{size:.2f}", "text" if name in found.texts else "") for name, size in found.columns.items()]
        yield f"Columns of events, {clicks / 1e6:,.0f}M clicks", ("column", "bytes a click", ""), texts
    if report.costs:
        named = (
            ("inserting", report.costs.insert),
            ("inserting without the fence", report.costs.unfenced),
            ("rolling", report.costs.roll),
        )
        rows = [(name, Spread.of(values).show(2)) for name, values in named]
        yield f"CPU of the warehouse, {report.costs.hours} hours of clicks", ("what", "µs a click"), rows


def _asked(answers: Answers) -> Iterator[tuple[str, ...]]:
    for question in (
        *answers.asked.values(),
        dataclasses.replace(answers.raw, name=f"{answers.raw.name}, nothing rolled"),
    ):
        times = (statistics.median(question.seconds), _p95(question.seconds))
        yield (
            f"{answers.clicks / 1e6:,.0f}M", question.name, *(f"{took * 1e3:,.1f}" for took in times),
            f"{question.rows_read:,}", question.table,
        )  # fmt: skip


def _notes(report: Report) -> Iterator[str]:
    yield from busy(report.machine)
    yield "The clicks end in the afternoon of the month's last day: that day and hour are read raw. The cache is off."
    for clicks, cost in report.rolled.items():
        yield f"Rolling the whole month of {clicks / 1e6:,.0f}M clicks at once took {cost:.2f} µs of CPU a click."
