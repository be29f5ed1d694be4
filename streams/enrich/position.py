"""Placement: the fifth of the page or mail in which the link lies."""

from streams.enrich.memo import Memo
from warehouse.columns import Columns, coded, together

UNKNOWN = "unknown"
FIFTHS = ("1st 20%", "2nd 20%", "3rd 20%", "4th 20%", "5th 20%")


def placement(position: int, position_of: int) -> str:
    """⌊5·(position − ½) ÷ of⌋ counted from the top (SEMANTICS, Position).

    `unknown` where either is 0, and where the position lies beyond the end.
    """
    if not 1 <= position <= position_of:
        return UNKNOWN
    return FIFTHS[(10 * position - 5) // (2 * position_of)]


class Position:
    """`placement` from `position` and `position_of`; a link's own default was applied by the redirector."""

    columns: tuple[str, ...] = ("placement",)

    def __init__(self, cache_size: int = 10_000) -> None:
        self.cache: Memo[tuple[int, int], str] = Memo(lambda key: placement(*key), cache_size)

    def __call__(self, columns: Columns) -> Columns:
        """The placement of every click."""
        return {"placement": self.cache.of(together(coded(columns["position"]), coded(columns["position_of"])))}
