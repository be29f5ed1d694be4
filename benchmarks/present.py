"""The report as people and programs read it: terminal, Markdown, JSON."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Absolute, Ratio, Spread
from benchmarks.machine import Machine
from benchmarks.stream import Report

MARKS = {"goal": "goal", "floor": "floor", "missed": "**missed**"}
COLUMNS = 12
"""How many of the dearest columns are listed."""

Row = tuple[str, ...]
Titled = tuple[str, Row, Sequence[Row]]
"""A table with its title and its header."""


def as_json(report: Report) -> str:
    """Everything, as one JSON object."""
    ratios = [dataclasses.asdict(ratio) | {"reached": ratio.reached} for ratio in report.ratios]
    return json.dumps(dataclasses.asdict(report) | {"ratios": ratios}, indent=2)


def show(report: Report, console: Console) -> None:
    """The tables on a terminal."""
    tables(_head(report), _tables(report), _notes(report), console)


def markdown(report: Report) -> str:
    """The tables for `docs/benchmarks.md`."""
    return as_markdown(_head(report), _tables(report), _notes(report))


def tables(head: Iterable[str], found: Iterable[Titled], notes: Iterable[str], console: Console) -> None:
    """Lines, tables and notes on a terminal."""
    console.print("\n".join(head), highlight=False)
    for title, header, rows in found:
        table = Table(*header, title=title, title_justify="left", title_style="bold", box=None)
        for row in rows:
            table.add_row(*(cell.strip("*") for cell in row))
        console.print()
        console.print(table)
    for note in notes:
        console.print(f"[dim]{note}[/]", highlight=False)


def as_markdown(head: Iterable[str], found: Iterable[Titled], notes: Iterable[str]) -> str:
    """The same as a part of a page."""
    parts = ["\n".join(f"{line}  " for line in head)]
    for title, header, rows in found:
        lines = [f"### {title}", "", _line(header), _line(["---"] * len(header)), *map(_line, rows)]
        parts.append("\n".join(lines))
    parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(parts) + "\n"


def machine_lines(machine: Machine) -> list[str]:
    """What the figures were measured on."""
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return [
        f"{machine.at} · {machine.processor} · {machine.cores} cores · {machine.memory / 2**30:,.0f} GB"
        f" · load average at start {machine.load:.2f}",
        f"Python {machine.python}, {packages}",
    ]


def busy(machine: Machine) -> Iterator[str]:
    """The note that something else was using the machine, if it was."""
    if machine.busy:
        yield "The machine was busy when this began: absolute figures are too low, and ratios less sure."


def figures(ratios: Sequence[Ratio], absolutes: Sequence[Absolute]) -> Iterator[Titled]:
    """The tables of ratios and of absolute figures."""
    if ratios:
        yield "Ratios", ("#", "ratio", "measured", "floor", "goal", "reached"), [*map(_ratio, ratios)]
    if absolutes:
        rows = [(one.title, _show(value), unit) for one in absolutes for unit, value in one.figures.items()]
        yield "Absolute figures, of this machine only", ("what", "measured", "unit"), rows


def _line(cells: list[str] | Row) -> str:
    return f"| {' | '.join(cells)} |"


def _head(report: Report) -> list[str]:
    plan = report.plan
    rounds = f"{plan.rounds} round{'s' if plan.rounds > 1 else ''}; median (least–greatest)"
    return [*machine_lines(report.machine), f"{plan.clicks:,} clicks, {rounds}"]


def _tables(report: Report) -> Iterator[Titled]:
    yield from figures(report.ratios, report.absolutes)
    if report.steps:
        yield "Where the time of the functions and the insert goes", ("step", "µs an event", "share"), _steps(report)
        yield "The dearest columns to serialise", ("column", "µs an event"), _columns(report)
    if report.held:
        rows = [(f"{s.rows:,}", f"{s.anonymous:,.0f}", f"{s.resident:,.0f}") for s in report.held.along()]
        yield "Memory of the worker", ("rows counted", "anonymous MB", "resident MB"), rows


def _ratio(ratio: Ratio) -> Row:
    digits = 2 if ratio.values.median < 100 else 0
    unit = f" {ratio.unit}" if ratio.unit else ""
    limits = tuple(f"{'≥' if ratio.at_least else '≤'} {limit:g}{unit}" for limit in (ratio.floor, ratio.goal))
    return (ratio.number, ratio.title, ratio.values.show(digits) + unit, *limits, MARKS[ratio.reached])


def _show(value: Spread) -> str:
    return value.show(0 if value.median >= 1000 else 1 if value.median >= 10 else 2)


def _steps(report: Report) -> Sequence[Row]:
    """Steps by their cost; `chain` and `insert` are sums of others."""
    steps = {name: seconds for name, seconds in report.steps.items() if _is_step(name)}
    whole = steps["chain"] + steps["insert"]
    ranked = sorted(steps.items(), key=lambda item: -item[1])
    rows = [(name, f"{seconds * 1e6:.2f}", f"{seconds / whole:.0%}") for name, seconds in ranked]
    return rows + [(f"worker: {name}", f"{value * 1e6:.2f}", "") for name, value in report.worker.items() if value]


def _is_step(name: str) -> bool:
    return not name.startswith("column ") and name != "body bytes"


def _columns(report: Report) -> Sequence[Row]:
    found = {name.removeprefix("column "): s for name, s in report.steps.items() if name.startswith("column ")}
    ranked = sorted(found.items(), key=lambda item: -item[1])[:COLUMNS]
    return [(name.partition("(")[0], f"{seconds * 1e6:.3f}") for name, seconds in ranked]


def _notes(report: Report) -> Iterator[str]:
    yield from busy(report.machine)
    yield "Ratios are of rounds, in which everybody runs in turn on the same broker, warehouse and log."
    for name, reason in report.absent.items():
        yield f"{name} is missing: {reason}"
    yield from report.notes
