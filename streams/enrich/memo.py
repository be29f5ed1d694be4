"""A bounded cache that costs a click one dictionary lookup, and the turn from rows to columns."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(dict[K, V]):
    """Values of a pure function by its argument; a hit is a plain dictionary lookup, without a call in Python.

    Bounded by two generations of half the size: when the younger is full it becomes the older, and what is asked
    again moves back to the younger. So what is in use stays, as with an LRU, but a hit has nothing to write down.
    The function must not return None.
    """

    __slots__ = ("_function", "_limit", "_older", "lookups", "misses")

    def __init__(self, function: Callable[[K], V], size: int) -> None:
        super().__init__()
        self._function = function
        self._limit = max(1, size // 2)
        self._older: dict[K, V] = {}
        self.lookups = 0
        self.misses = 0

    def __missing__(self, key: K) -> V:
        value = self._older.get(key)
        if value is None:
            self.misses += 1
            value = self._function(key)
        if len(self) >= self._limit:
            self._older = dict(self)
            self.clear()
        self[key] = value
        return value

    @property
    def hits(self) -> int:
        """Lookups that did not have to work the value out."""
        return self.lookups - self.misses

    @property
    def held(self) -> int:
        """Entries in memory, at most the size."""
        return len(self) + len(self._older)

    def all(self, keys: Iterable[K]) -> list[V]:
        """The value of every key, in order."""
        values = list(map(self.__getitem__, keys))
        self.lookups += len(values)
        return values

    def forget(self) -> None:
        """Drop everything: what the function looks at has changed."""
        self.clear()
        self._older = {}


def columns_of(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows of tuples as a list a name; `names` in the tuples' order."""
    if not rows:
        return {name: [] for name in names}
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
