"""User agents: programs that say what they are, and what no browser says."""

from pathlib import Path

import crawleruseragents
import re2

from streams.enrich.memo import Memo
from streams.judge.patterns import RULES, pattern_rules
from streams.judge.reasons import Bits, Reason, Reasons, bits_of, every_row
from warehouse.columns import Columns, coded

SET_MEMORY = 64 << 20
"""Bytes that re2 may use to match 1,500 patterns at once: with its default of 8 MiB a match takes ten times as long."""


class UserAgentLayer:
    """Reasons by the user agent."""

    def __init__(self, cache_size: int, rules: Path = RULES) -> None:
        self._rules = list(pattern_rules("patterns", rules))
        self._crawlers = _crawlers()
        self.cache: Memo[str, int] = Memo(lambda user_agent: bits_of(self.reasons(user_agent)), cache_size)

    def reasons(self, user_agent: str) -> Reasons:
        """All reasons that one user agent gives."""
        if not user_agent.strip():
            return (Reason.EMPTY_USER_AGENT,)
        known = (Reason.KNOWN_CRAWLER,) if self._crawlers.Match(user_agent) else ()
        return known + tuple(reason for reason, pattern in self._rules if pattern.search(user_agent))

    def __call__(self, columns: Columns) -> Bits:
        """The reasons of every click."""
        return every_row(self.cache.of(coded(columns["user_agent"])))


def _crawlers() -> re2.Set:
    options = re2.Options()
    options.max_mem = SET_MEMORY
    options.log_errors = False
    known = re2.Set.SearchSet(options)
    for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA:
        known.Add(crawler["pattern"])
    known.Compile()
    return known
