"""Purposes: requests that say of themselves that nobody has clicked yet."""

from pathlib import Path

from streams.enrich.memo import Memo
from streams.judge.patterns import RULES, pattern_rules
from streams.judge.reasons import Bits, Reasons, bits_of, every_row
from warehouse.columns import Columns, coded


class PurposeLayer:
    """Reasons by the purpose headers."""

    def __init__(self, cache_size: int, rules: Path = RULES) -> None:
        self._rules = list(pattern_rules("purpose_patterns", rules))
        self.cache: Memo[str, int] = Memo(lambda purpose: bits_of(self.reasons(purpose)), cache_size)

    def reasons(self, purpose: str) -> Reasons:
        """All reasons that the purpose headers of one request give."""
        return tuple(reason for reason, pattern in self._rules if pattern.search(purpose)) if purpose else ()

    def __call__(self, columns: Columns) -> Bits:
        """The reasons of every click."""
        return every_row(self.cache.of(coded(columns["purpose"])))
