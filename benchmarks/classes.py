"""Device classes: precision, recall and F1 of each, and the agreement with weighted real traffic."""

import dataclasses
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.lists import Machine, Visit
from streams.enrich.device import Device, device_class

CHECKED = Path(__file__).parents[1] / "tests" / "unit" / "streams" / "device_agents.toml"
"""Agents that were checked by hand."""

F1, AGREEMENT, ENOUGH = 0.95, 0.995, 150
"""The bounds: of each class on the checked agents; of the weight of real traffic; and how many agents there are."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """How well one class is told."""

    device: str
    agents: int
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def met(self) -> bool:
        """Whether the bound is kept."""
        return self.f1 >= F1


@dataclasses.dataclass(frozen=True)
class Agreed:
    """How far weighted real traffic agrees."""

    name: str
    user_agents: int
    share: float
    """Of the traffic's weight."""
    differing: tuple[tuple[str, str, str], ...]
    """User agents with the list's class and ours, the heaviest first."""

    @property
    def met(self) -> bool:
        """Whether the bound is kept."""
        return self.share >= AGREEMENT


def checked(path: Path = CHECKED) -> list[Machine]:
    """The agents that were checked by hand: `[agent, why]` or `[agent, why, hints]` under the class."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Machine(
            agent, tuple((f"sec-ch-ua-{name}", value) for hints in more for name, value in hints.items()), Device(name)
        )
        for name, agents in tables.items()
        for agent, _why, *more in agents
    ]


def named(machine: Machine) -> Device:
    """Our class of a device."""
    hint = dict(machine.headers).get
    return device_class(
        machine.user_agent,
        mobile=hint("sec-ch-ua-mobile", ""),
        platform=hint("sec-ch-ua-platform", ""),
        form_factors=hint("sec-ch-ua-form-factors", ""),
    )


def scored(machines: Iterable[Machine]) -> tuple[Scored, ...]:
    """Each class that the machines have."""
    pairs = Counter((machine.device, named(machine)) for machine in machines)
    return tuple(_scored(device, pairs) for device in Device if any(true is device for true, _ in pairs))


def _scored(device: Device, pairs: Counter[tuple[Device, Device]]) -> Scored:
    hits = pairs[device, device]
    said = sum(count for (_, ours), count in pairs.items() if ours is device)
    true = sum(count for (known, _), count in pairs.items() if known is device)
    return Scored(device.value, true, hits / said if said else 0.0, hits / true)


def agreed(name: str, traffic: Sequence[Visit]) -> Agreed:
    """How far our classes agree with those of weighted real traffic."""
    differing: Counter[tuple[str, str, str]] = Counter()
    for visit in traffic:
        ours = device_class(visit.user_agent).value
        if ours != visit.device:
            differing[visit.user_agent, visit.device, ours] += visit.weight  # type: ignore[assignment]  # weights are shares
    share = 1 - sum(differing.values()) / sum(visit.weight for visit in traffic)
    agents = len({visit.user_agent for visit in traffic})
    return Agreed(name, agents, share, tuple(key for key, _ in differing.most_common()))
