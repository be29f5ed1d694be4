"""User agents: programs that say what they are, and what no browser says."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import crawleruseragents
import re2

from streams.enrich.memo import Memo
from streams.judge.patterns import RULES
from streams.judge.reasons import Bits, Reason, Reasons, bits_of, every_row
from warehouse.columns import Columns, coded

SET_MEMORY = 64 << 20
"""Bytes that re2 may use to match 1,500 patterns at once: with its default of 8 MiB a match takes ten times as long."""


class UserAgentRules(NamedTuple):
    """What user agents are matched against: google-re2's patterns, found anywhere."""

    words: Mapping[Reason, tuple[str, ...]]
    """What gives a program away, by reason; without regard to case, as `forms`."""
    forms: tuple[str, ...]
    """How browsers' user agents are built: one that has none of these forms is malformed."""
    crawlers: tuple[str, ...]
    """Those of the package crawler-user-agents that name nothing that people use."""


def read_user_agent_rules(path: Path = RULES) -> UserAgentRules:
    """The rules of a file, and the package's."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return UserAgentRules(
        {Reason(name): tuple(table["patterns"]) for name, table in tables.items() if "patterns" in table},
        tuple(tables["browsers"]["forms"]),
        tuple(pattern for pattern in listed_crawlers() if pattern not in tables["known_crawler"]["not_taken"]),
    )


def listed_crawlers() -> tuple[str, ...]:
    """All patterns of the package crawler-user-agents."""
    return tuple(crawler["pattern"] for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA)


class UserAgentLayer:
    """Reasons by the user agent."""

    def __init__(self, cache_size: int, rules: UserAgentRules | None = None) -> None:
        rules = rules or read_user_agent_rules()
        self._reasons = [reason for reason, patterns in rules.words.items() for _ in patterns]
        self._words = _set([pattern for patterns in rules.words.values() for pattern in patterns])
        self._forms = _set(rules.forms)
        self._crawlers = _set(rules.crawlers, case_sensitive=True)
        self.cache: Memo[str, int] = Memo(lambda user_agent: bits_of(self.reasons(user_agent)), cache_size)

    def reasons(self, user_agent: str) -> Reasons:
        """All reasons that one user agent gives."""
        if not user_agent.strip():
            return (Reason.EMPTY_USER_AGENT,)
        known = [Reason.KNOWN_CRAWLER] if self._crawlers.Match(user_agent) else []
        words = dict.fromkeys(self._reasons[place] for place in self._words.Match(user_agent) or ())
        malformed = [] if self._forms.Match(user_agent) else [Reason.MALFORMED_USER_AGENT]
        return (*known, *words, *malformed)

    def __call__(self, columns: Columns) -> Bits:
        """The reasons of every click."""
        return every_row(self.cache.of(coded(columns["user_agent"])))


def _set(patterns: Sequence[str], *, case_sensitive: bool = False) -> re2.Set:
    options = re2.Options()
    options.max_mem = SET_MEMORY
    options.log_errors = False
    options.case_sensitive = case_sensitive
    matched = re2.Set.SearchSet(options)
    for pattern in patterns:
        matched.Add(pattern)
    matched.Compile()
    return matched
