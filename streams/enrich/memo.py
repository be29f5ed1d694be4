"""A bounded cache of a pure function, from batch to batch."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from warehouse.columns import Coded

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)


class Memo(dict[K, V]):
    """Values of a pure function by its argument; a hit is a plain dictionary lookup, without a call in Python.

    Bounded by two generations of half the size: when the younger is full it becomes the older, and what is asked
    again moves back to the younger. So what is in use stays, as with an LRU, but a hit has nothing to write down.
    The function must not return None.
    """

    __slots__ = ("_function", "_limit", "_older", "lookups", "misses", "size")

    def __init__(self, function: Callable[[K], V], size: int) -> None:
        super().__init__()
        self._function = function
        self.size = size
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

    def of(self, keys: Coded[K]) -> Coded[V]:
        """The value of every row, looked up once a distinct key."""
        self.lookups += len(keys.values)
        return keys.map(self.__getitem__)

    def forget(self) -> None:
        """Drop everything: what the function looks at has changed."""
        self.clear()
        self._older = {}
