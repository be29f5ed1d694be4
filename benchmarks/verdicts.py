"""Bots: how many of a public list are found by rules that do not know it, and how many people are taken for one."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import re2

from benchmarks.lists import CRAWLERS, Agents, Visit
from streams.judge.user_agents import UserAgentLayer, UserAgentRules

RECALL, FALSE_ALARMS = 0.97, 0.001
"""The bounds: at least so many of the bots; at most so much of the weight of real traffic."""


@dataclasses.dataclass(frozen=True)
class Found:
    """What the judge makes of one list that its rules were not made from."""

    name: str
    bots: int
    missed: tuple[str, ...]
    own: int
    """Bots that stand in no other list."""
    own_missed: int
    people: int
    """User agents of browsers and devices that the list has."""
    taken: int
    """How many of them are taken for bots."""
    rules_off: int
    """Patterns that were left out: the list's own, and those that no other list speaks for."""

    @property
    def recall(self) -> float:
        """Share of the bots that are found."""
        return 1 - len(self.missed) / self.bots

    @property
    def own_recall(self) -> float:
        """The same, of those that stand in no other list."""
        return 1 - self.own_missed / self.own if self.own else 1.0

    @property
    def precision(self) -> float | None:
        """Share of what is taken for a bot that is one; None where the list has no people."""
        hits = self.bots - len(self.missed)
        return hits / (hits + self.taken) if self.people else None

    @property
    def met(self) -> bool:
        """Whether the bound is kept."""
        return self.recall >= RECALL


@dataclasses.dataclass(frozen=True)
class Weighed:
    """What the judge makes of real traffic."""

    name: str
    user_agents: int
    taken: tuple[str, ...]
    share: float
    """Of the traffic's weight."""

    @property
    def met(self) -> bool:
        """Whether the bound is kept."""
        return self.share <= FALSE_ALARMS


def without(name: str, rules: UserAgentRules, lists: Mapping[str, Agents]) -> UserAgentRules:
    """The rules as somebody would have them who never saw that list.

    The package's own patterns are switched off for its instances, and so is each pattern of ours that finds nothing in
    any other list: only this one can have taught it.
    """
    others = sorted(frozenset().union(*(agents.bots for other, agents in lists.items() if other != name)))
    words = {
        reason: tuple(pattern for pattern in patterns if _finds(pattern, others))
        for reason, patterns in rules.words.items()
    }
    return rules._replace(words=words, crawlers=() if name == CRAWLERS else rules.crawlers)


def _finds(pattern: str, agents: Collection[str]) -> bool:
    options = re2.Options()
    options.case_sensitive = False
    compiled = re2.compile(pattern, options)
    return any(compiled.search(agent) for agent in agents)


def found(name: str, rules: UserAgentRules, lists: Mapping[str, Agents]) -> Found:
    """Judge one list by rules that do not know it."""
    blind = without(name, rules, lists)
    layer = UserAgentLayer(1, blind)
    agents = lists[name]
    missed = tuple(sorted(agent for agent in agents.bots if not layer.reasons(agent)))
    own = agents.bots.difference(*(other.bots for key, other in lists.items() if key != name))
    return Found(
        name=name,
        bots=len(agents.bots),
        missed=missed,
        own=len(own),
        own_missed=len(own.intersection(missed)),
        people=len(agents.people),
        taken=sum(1 for agent in agents.people if layer.reasons(agent)),
        rules_off=_count(rules) - _count(blind),
    )


def _count(rules: UserAgentRules) -> int:
    return sum(map(len, rules.words.values())) + len(rules.crawlers)


def weighed(name: str, traffic: Sequence[Visit], layer: UserAgentLayer) -> Weighed:
    """Judge real traffic by all rules."""
    agents = frozenset(visit.user_agent for visit in traffic)
    taken = frozenset(agent for agent in agents if layer.reasons(agent))
    weight = sum(visit.weight for visit in traffic if visit.user_agent in taken)
    return Weighed(name, len(agents), tuple(sorted(taken)), weight / sum(visit.weight for visit in traffic))
