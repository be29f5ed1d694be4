"""`weir bench quality`: what the judge and the device rules make of data that others wrote."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import classes, verdicts
from benchmarks.classes import Agreed, Scored
from benchmarks.ground import Tell
from benchmarks.lists import (
    CRAWLERS,
    INSTALLED,
    MATOMO,
    READERS,
    SHARES,
    VISITS,
    Source,
    crawlers,
    have,
    listings,
    matomo_machines,
    shares,
    visits,
)
from benchmarks.verdicts import Found, Weighed
from streams.judge.user_agents import UserAgentLayer, read_user_agent_rules

LISTED = 5
"""How many user agents that were missed, or that differ, are shown of each list."""


@dataclasses.dataclass(frozen=True)
class Report:
    """All that was measured."""

    sources: tuple[Source, ...]
    lists: tuple[Found, ...]
    """The bots of each list, by rules that do not know it."""
    traffic: tuple[Weighed, ...]
    """People of real traffic that are taken for bots, by all rules."""
    checked: tuple[Scored, ...]
    """Device classes of the agents that were checked by hand."""
    agreement: tuple[Agreed, ...]
    """Device classes of real traffic."""
    matomo: tuple[Scored, ...]
    """Device classes of Matomo's test agents, each model once; no bound is set for them."""

    @property
    def met(self) -> bool:
        """Whether every bound is kept."""
        bots = all(one.met for one in self.lists) and all(one.met for one in self.traffic)
        devices = all(one.met for one in self.checked) and all(one.met for one in self.agreement)
        return bots and devices and sum(one.agents for one in self.checked) >= classes.ENOUGH


def measure(folder: Path, tell: Tell) -> Report:
    """Fetch the lists that are not there yet, and judge all. Raises `PullError`."""
    wanted = listings()
    homes = {name: have(listing, folder, tell) for name, listing in wanted.items()}
    tell("reading", 0, 0)
    lists = {CRAWLERS: crawlers()} | {name: READERS[name](homes[name]) for name in wanted if name in READERS}
    rules = read_user_agent_rules()
    found = []
    for place, name in enumerate(lists):
        tell(f"judging {name} without what it taught", place, len(lists))
        found.append(verdicts.found(name, rules, lists))
    tell("judging real traffic", 0, 0)
    layer = UserAgentLayer(1, rules)
    traffic = {VISITS: visits(homes[VISITS]), SHARES: shares()}
    return Report(
        sources=(*(listing.source for listing in wanted.values()), *INSTALLED),
        lists=tuple(found),
        traffic=tuple(verdicts.weighed(name, some, layer) for name, some in traffic.items()),
        checked=classes.scored(classes.checked()),
        agreement=tuple(classes.agreed(name, some) for name, some in traffic.items()),
        matomo=classes.scored(matomo_machines(homes[MATOMO])) if MATOMO in homes else (),
    )


def as_json(report: Report) -> str:
    """Everything, as one JSON object."""
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(report):
        fields[field.name] = [_with_ratios(one) for one in getattr(report, field.name)]
    return json.dumps(fields | {"met": report.met}, indent=2)


def _with_ratios(one: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any of the report's dataclasses
    ratios = ("recall", "own_recall", "precision", "f1", "met")
    return dataclasses.asdict(one) | {name: getattr(one, name) for name in ratios if hasattr(one, name)}


Rows = list[tuple[str, ...]]
Part = tuple[str, tuple[str, ...], Rows, str]
"""Title, header, rows, and what is to be said below."""


def show(report: Report, console: Console) -> None:
    """The tables on a terminal, and examples of what was missed."""
    for title, header, rows, note in _parts(report):
        table = Table(*header, title=title, title_justify="left", title_style="bold", box=None)
        for row in rows:
            table.add_row(*(cell.strip("*") for cell in row))
        console.print(table)
        console.print(f"{note}\n", highlight=False, markup=False)
    for found in report.lists:
        for agent in found.missed[:LISTED]:
            console.print(f"missed of {found.name}: {agent[:200]}", highlight=False, markup=False, soft_wrap=True)
    for agreed in report.agreement:
        for agent, theirs, ours in agreed.differing[:LISTED]:
            console.print(f"{agreed.name} says {theirs}, Weir {ours}: {agent}", markup=False, soft_wrap=True)


def markdown(report: Report) -> str:
    """The tables for `docs/benchmarks.md`."""
    parts = []
    for title, header, rows, note in _parts(report):
        lines = [f"### {title}", "", _line(header), _line(("---",) * len(header)), *map(_line, rows), "", note]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _parts(report: Report) -> Iterator[Part]:
    yield (
        "Bots, each list judged by rules that do not know it",
        (
            "list",
            "bots",
            "recall",
            "in no other list",
            "recall",
            "people",
            "taken for bots",
            "precision",
            "patterns off",
        ),
        [_found_row(one) for one in report.lists],
        f"Bound: recall ≥ {verdicts.RECALL:.0%} of every list. People: the browsers of a list's devices, each once.",
    )
    yield (
        "Real traffic, weighted: people taken for bots",
        ("list", "user agents", "taken for bots", "of the weight", ""),
        [
            (one.name, f"{one.user_agents:,}", f"{len(one.taken)}", f"{one.share:.4%}", _mark(met=one.met))
            for one in report.traffic
        ],
        f"Bound: ≤ {verdicts.FALSE_ALARMS:.1%} of the weight.",
    )
    yield (
        "Device class, agents checked by hand",
        ("class", "agents", "precision", "recall", "F1", ""),
        [(*_scored_row(one), _mark(met=one.met)) for one in report.checked],
        f"Bounds: F1 ≥ {classes.F1} of every class, {classes.ENOUGH} agents or more:"
        f" {sum(one.agents for one in report.checked)}.",
    )
    yield (
        "Device class, real traffic, weighted",
        ("list", "user agents", "agreement", ""),
        [(one.name, f"{one.user_agents:,}", f"{one.share:.4%}", _mark(met=one.met)) for one in report.agreement],
        f"Bound: ≥ {classes.AGREEMENT:.1%} of the weight.",
    )
    yield (
        "Device class, Matomo's test agents",
        ("class", "agents", "precision", "recall", "F1"),
        [_scored_row(one) for one in report.matomo],
        "No bound: every model that was ever seen once, however rare; to know them takes a list of models.",
    )
    yield (
        "Sources",
        ("list", "package", "version", "licence"),
        [(one.name, one.package, one.version, one.licence) for one in report.sources],
        "They are fetched when the benchmark runs, and are no part of Weir.",
    )


def _found_row(one: Found) -> tuple[str, ...]:
    people = (f"{one.people:,}", f"{one.taken:,}") if one.people else ("–", "–")
    precision = "–" if one.precision is None else f"{one.precision:.1%}"
    recall = f"{one.recall:.2%}" if one.met else f"**{one.recall:.2%} missed**"
    own = (f"{one.own:,}", f"{one.own_recall:.2%}")
    return (one.name, f"{one.bots:,}", recall, *own, *people, precision, f"{one.rules_off:,}")


def _scored_row(one: Scored) -> tuple[str, ...]:
    return (one.device, f"{one.agents:,}", f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f}")


def _mark(*, met: bool) -> str:
    return "met" if met else "**missed**"
