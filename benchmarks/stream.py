"""`weir bench stream`: the figures of the stream, measured in one run."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import growth, latency, memory, speed
from benchmarks.figures import Absolute, Ratio, Spread
from benchmarks.ground import Ground, Tell
from benchmarks.machine import Machine, machine
from benchmarks.race import FAUST, WORKER, Run
from streams.windows.hold import HoldLimit

FIGURES = ("W1", "W2", "W3", "W4", "G1", "memory")
BY_DEFAULT = FIGURES[:-1]
SPARSE = 200.0
"""Clicks a second at which the hold lasts its whole time: fewer than its bytes would end."""

CALIBRATION = 100_000
"""Clicks of the race that finds the worker's speed where W4 is measured alone."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is measured, and how thoroughly."""

    only: tuple[str, ...] = BY_DEFAULT
    rounds: int = 5
    clicks: int = 300_000
    stored: int = 10_000_000
    rate: float = 0.0
    """Of W4, clicks a second; 0: half of what the worker was measured at."""
    seconds: float = 20.0
    """Of W4."""
    seed: int = 1


@dataclasses.dataclass
class Report:
    """All that was measured."""

    plan: Plan
    machine: Machine
    ratios: list[Ratio] = dataclasses.field(default_factory=list)
    absolutes: list[Absolute] = dataclasses.field(default_factory=list)
    steps: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Step of the functions and the insert → seconds an event."""
    worker: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """The worker's own clocks, in seconds an event."""
    absent: dict[str, str] = dataclasses.field(default_factory=dict)
    held: memory.Memory | None = None
    notes: list[str] = dataclasses.field(default_factory=list)


def measure(folder: Path, plan: Plan, tell: Tell, done: Callable[[Run], None]) -> Report:
    """Measure what the plan asks for. Raises `click.ClickException` where the worker does not get through."""
    report = Report(plan, machine())
    with Ground(folder, tell) as ground:
        rate = plan.rate
        if {"W1", "W2", "W3"} & set(plan.only):
            speed_found = _speed(ground, plan, report, tell, done)
            rate = rate or speed_found / 2
        if "W4" in plan.only:
            _latency(ground, plan, rate or _calibrate(ground, plan, tell, done), report, tell)
        if "G1" in plan.only:
            found = growth.measure(
                ground, tell, stored=plan.stored, records=plan.clicks, rounds=plan.rounds, seed=plan.seed
            )
            report.ratios += found.ratios()
            report.absolutes += found.absolutes()
            if plan.stored < 100_000_000:
                report.notes.append(f"G1 with {plan.stored / 1e6:,.0f}M rows stored, not 100M (`--stored`).")
        if "memory" in plan.only:
            report.held = memory.measure(ground, plan.clicks, plan.seed, tell)
            limit, most = float(memory.LIMIT_MB), report.held.most
            report.ratios.append(
                Ratio(
                    "–", "worker's anonymous memory", limit, limit, Spread(most, most, most), at_least=False, unit="MB"
                )
            )
    return report


def _speed(ground: Ground, plan: Plan, report: Report, tell: Tell, done: Callable[[Run], None]) -> float:
    """W1 to W3; the worker's events a second."""
    found = speed.measure(
        ground, ground.log(plan.clicks, plan.seed), plan.only, rounds=plan.rounds, tell=tell, done=done
    )
    report.ratios += found.ratios()
    report.absolutes += found.absolutes()
    report.absent |= found.absent
    report.steps = found.said.get("alone", {})
    report.worker = found.said.get(WORKER.name, {})
    if FAUST.name in found.runs:
        report.notes.append(
            "Faust's clock starts when its partitions are assigned, as the worker's and the bare loop's."
        )
    return Spread.of([run.rate for run in found.runs[WORKER.name]]).median


def _calibrate(ground: Ground, plan: Plan, tell: Tell, done: Callable[[Run], None]) -> float:
    """Half of the worker's speed."""
    log = ground.log(min(plan.clicks, CALIBRATION), plan.seed)
    found = speed.measure(ground, log, ("worker",), rounds=1, tell=tell, done=done)
    return found.runs[WORKER.name][0].rate / 2


def _latency(ground: Ground, plan: Plan, rate: float, report: Report, tell: Tell) -> None:
    """At half load with and without a hold, which the bytes of a dense log end early; and where it lasts its time."""
    hold = HoldLimit().seconds
    cases = (("no hold", rate, 0.0), ("half load", rate, hold), (f"{SPARSE:.0f} clicks/s", SPARSE, hold))
    for title, clicks, held in cases:
        tails = [latency.measure(ground, clicks, plan.seconds, plan.seed, tell, hold=held) for _ in range(plan.rounds)]
        report.absolutes.append(_tails(f"Click to visible, {title}, hold {held:.0f} s", tails))
        if title != "half load":
            beyond = Spread.of([quantiles.p95 - held for quantiles in tails])
            name = f"click to visible beyond the hold of {held:.0f} s, p95, {clicks:,.0f} clicks/s"
            report.ratios.append(Ratio("W4", name, 2.0, 1.0, beyond, at_least=False, unit="s"))


def _tails(title: str, tails: Sequence[latency.Tail]) -> Absolute:
    return Absolute(
        title,
        {
            "s at p50": Spread.of([quantiles.p50 for quantiles in tails]),
            "s at p95": Spread.of([quantiles.p95 for quantiles in tails]),
            "s at p99": Spread.of([quantiles.p99 for quantiles in tails]),
            "clicks/s sent": Spread.of([quantiles.rate for quantiles in tails]),
        },
    )
