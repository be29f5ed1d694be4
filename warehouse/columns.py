"""Columns: one value a row, in the form that is cheapest to work on and to store.

A column is a list, a NumPy array of numbers, or `Coded`: each distinct value once and a code a row. What people click
on comes again and again, so a batch of 20,000 clicks holds a thousand user agents: a function of one runs a thousand
times, not 20,000, and ClickHouse takes such a column as it is (its `LowCardinality` has the same form on the wire).
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from operator import itemgetter
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=Hashable)
U = TypeVar("U", bound=Hashable)

Codes = NDArray[np.uint32]

LOOKUP = 1 << 20
"""Up to so many combinations a table finds the distinct ones; beyond it sorting does, which takes ten times as long."""


class Coding(Generic[T]):
    """Turns values into a `Coded` piece by piece, in C: 30 ns a value."""

    def __init__(self) -> None:
        self._index: defaultdict[T, int] = defaultdict()
        self._index.default_factory = self._index.__len__
        self._codes = array("I")

    def extend(self, values: Iterable[T]) -> None:
        """Add rows."""
        keys = tuple(values)
        if len(keys) > 1:  # one look-up of all is a third cheaper than one each
            self._codes.extend(array("I", itemgetter(*keys)(self._index)))
        elif keys:
            self._codes.append(self._index[keys[0]])

    def repeat(self, value: T, times: int) -> None:
        """Add rows of one value."""
        self._codes.extend(array("I", [self._index[value]]) * times)

    def coded(self) -> "Coded[T]":
        """All rows so far; nothing may be added afterwards."""
        return Coded(list(self._index), np.frombuffer(self._codes, np.uint32))


class Coded(Sequence[T]):
    """Each distinct value once, and a code a row; never changed."""

    __slots__ = ("codes", "values")

    def __init__(self, values: Sequence[T], codes: Codes) -> None:
        self.values, self.codes = values, codes

    @classmethod
    def of(cls, column: Iterable[T]) -> "Coded[T]":
        """A column of any kind."""
        coding: Coding[T] = Coding()
        coding.extend(column)
        return coding.coded()

    @classmethod
    def constant(cls, value: T, length: int) -> "Coded[T]":
        """The same value in every row."""
        return cls([value], np.zeros(length, np.uint32))

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[T]:
        return map(self.values.__getitem__, self.codes.tolist())

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> "Coded[T]": ...
    def __getitem__(self, place: int | slice) -> "T | Coded[T]":
        """A row's value, or a run of rows."""
        if isinstance(place, slice):
            return Coded(self.values, self.codes[place])
        value: T = self.values[self.codes[place]]
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # a column is compared by its rows, as a list is

    def map(self, function: Callable[[T], U]) -> "Coded[U]":
        """The function of every row, worked out once a distinct value."""
        found = Coded.of(map(function, self.values))
        return Coded(found.values, found.codes[self.codes])

    def at(self, places: NDArray[Any], value: T) -> "Coded[T]":
        """The same with another value in some rows; `places` is a mask, or numbers of rows."""
        codes = self.codes.copy()
        codes[places] = len(self.values)
        return Coded([*self.values, value], codes)

    def picked(self, places: NDArray[Any]) -> "Coded[T]":
        """Some rows of it."""
        return Coded(self.values, self.codes[places])

    def compact(self) -> "Coded[T]":
        """The same without values that no row has any more: they would be sent, or refused, for nothing."""
        used, codes = _distinct(self.codes, len(self.values))
        return Coded([self.values[place] for place in used.tolist()], codes)

    def counts(self) -> Mapping[T, int]:
        """How often each value stands there."""
        found: dict[T, int] = {}
        for value, count in zip(self.values, np.bincount(self.codes, minlength=len(self.values)).tolist(), strict=True):
            found[value] = found.get(value, 0) + count
        return {value: count for value, count in found.items() if count}


Column = list[Any] | NDArray[Any] | Coded[Any]
"""One value a row, in the batch's order."""

Columns = Mapping[str, Column]
"""Column name → values; every column has the batch's length."""


def spread(names: Sequence[str], rows: "Coded[Any]") -> dict[str, Column]:
    """Rows of tuples as a column a name; `names` in the tuples' order. The columns share their codes."""
    values = zip(*rows.values, strict=True) if rows.values else ((),) * len(names)
    return {name: Coded(column, rows.codes) for name, column in zip(names, values, strict=True)}


def together(*columns: "Coded[Any]") -> "Coded[tuple[Any, ...]]":
    """The rows of several columns as tuples, each distinct one once."""
    codes = columns[0].codes
    places = [np.arange(len(columns[0].values))]
    for before, column in pairwise(columns):
        if column.codes is before.codes:  # of one source: they say nothing new about which rows are alike
            places.append(places[-1])
            continue
        numbers = codes.astype(np.int64) * len(column.values) + column.codes
        distinct, codes = _distinct(numbers, len(places[0]) * len(column.values))
        known, new = np.divmod(distinct, max(1, len(column.values)))
        places = [*(place[known] for place in places), new]
    values = (map(column.values.__getitem__, place.tolist()) for column, place in zip(columns, places, strict=True))
    return Coded(list(zip(*values, strict=True)), codes)


def _distinct(numbers: NDArray[Any], end: int) -> tuple[NDArray[np.int64], Codes]:
    """The distinct ones of numbers below `end`, sorted, and where each row's stands among them."""
    if end > LOOKUP:
        distinct, inverse = np.unique(numbers, return_inverse=True)
        return distinct, inverse.astype(np.uint32)
    there = np.zeros(end, np.bool_)
    there[numbers] = True
    distinct = np.flatnonzero(there)
    order = np.zeros(end, np.uint32)
    order[distinct] = np.arange(len(distinct))
    return distinct, order[numbers]


def coded(column: Column) -> "Coded[Any]":
    """A column in coded form."""
    if isinstance(column, Coded):
        return column
    return Coded.of(column.tolist() if isinstance(column, np.ndarray) else column)


def cut(columns: Columns, part: slice) -> dict[str, Column]:
    """A run of rows of every column, with no value that only other rows have."""
    return {
        name: column[part].compact() if isinstance(column, Coded) else column[part] for name, column in columns.items()
    }


def joined(parts: Sequence[Columns]) -> dict[str, Column]:
    """The rows of several batches after each other; all have the same columns."""
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(columns: Sequence[Any]) -> Column:
    if len(columns) == 1:
        whole: Column = columns[0]
        return whole
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate(columns)
    if not all(isinstance(column, Coded) for column in columns):
        return list(chain.from_iterable(columns))
    found = Coded.of(chain.from_iterable(column.values for column in columns))
    starts = accumulate((len(column.values) for column in columns), initial=0)
    codes = [found.codes[start:][column.codes] for start, column in zip(starts, columns, strict=False)]
    return Coded(found.values, np.concatenate(codes))


def picked(columns: Columns, places: Sequence[int]) -> dict[str, Column]:
    """Some rows of every column."""
    chosen = np.asarray(places, np.intp)
    return {name: _picked(column, places, chosen) for name, column in columns.items()}


def _picked(column: Column, places: Sequence[int], chosen: NDArray[np.intp]) -> Column:
    if isinstance(column, Coded):
        return column.picked(chosen)
    return column[chosen] if isinstance(column, np.ndarray) else [column[place] for place in places]
