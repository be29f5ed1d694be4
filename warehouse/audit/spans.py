"""Runs of numbers: what can be said of stored offsets and sequence numbers without looking at each of them.

The audit reads blocks of numbers from afar, as `Span`s. `sift` tells those that can only be right from those that have
to be looked at closely; `holes` tells what is left of the numbers that there should be. Pure arithmetic, no I/O.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

BLOCK = 65_536
"""Numbers of one block: what one container of ClickHouse's bitmaps holds."""


class Span(NamedTuple):
    """Stored numbers between two, seen from afar."""

    first: int
    last: int
    different: int
    """How many of the numbers from `first` to `last` are stored."""
    extra: int = 0
    """Rows beyond one a number."""
    times: int = 1
    """What one of its rows counts as; 0 where none counts."""

    @property
    def solid(self) -> bool:
        """Whether every number is stored, and none twice."""
        return self.different == self.last - self.first + 1 and not self.extra


class Run(NamedTuple):
    """Consecutive numbers that are stored equally often."""

    first: int
    last: int
    times: int = 1
    at: int = 0
    """When Kafka took the last one, Unix seconds; 0: not looked up."""

    @property
    def numbers(self) -> range:
        """The numbers."""
        return range(self.first, self.last + 1)


def sift(spans: Iterable[Span]) -> tuple[list[Run], list[range]]:
    """What is certain, and what has to be looked at: spans with something missing or extra, and those that overlap."""
    certain: list[Run] = []
    unsure: list[range] = []
    for group in _overlapping(sorted(spans)):
        if len(group) == 1 and group[0].solid:
            certain.append(Run(group[0].first, group[0].last, group[0].times))
        else:
            unsure.append(range(group[0].first, max(span.last for span in group) + 1))
    return certain, unsure


def _overlapping(spans: Sequence[Span]) -> Iterator[list[Span]]:
    group: list[Span] = []
    end = -1
    for span in spans:
        if group and span.first > end:
            yield group
            group = []
        group.append(span)
        end = max(end, span.last) if len(group) > 1 else span.last
    if group:
        yield group


def blocks(numbers: Iterable[range]) -> set[int]:
    """The blocks that these numbers lie in."""
    return {block for run in numbers if run for block in range(run[0] // BLOCK, run[-1] // BLOCK + 1)}


def union(numbers: Iterable[range]) -> list[range]:
    """The same numbers in order, without overlaps, as few ranges as possible."""
    merged: list[range] = []
    for run in sorted((run for run in numbers if run), key=lambda run: run.start):
        if merged and run.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, run.stop))
        else:
            merged.append(run)
    return merged


def holes(expected: range, stored: Iterable[range]) -> list[range]:
    """The expected numbers that are not among the stored ones."""
    found = []
    at = expected.start
    for run in union(stored):
        if run.start >= expected.stop:
            break
        if run.start > at:
            found.append(range(at, run.start))
        at = max(at, run.stop)
    return found + ([range(at, expected.stop)] if at < expected.stop else [])


def without(numbers: Iterable[range], taken: Iterable[range]) -> list[range]:
    """The numbers that are not among the taken ones."""
    taken = union(taken)
    return [left for run in union(numbers) for left in holes(run, taken)]


def total(numbers: Iterable[range]) -> int:
    """How many numbers there are in ranges that do not overlap."""
    return sum(map(len, numbers))
