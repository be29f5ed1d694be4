"""Clocks: which offsets of the log a book has counted, and the same as a condition on rows.

A clock is a set of offsets, not only the highest one of each partition: where ClickHouse has lost rows that the worker
will read again, the hole is not in the clock, so what fills it later is new.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from string import Template
from typing import Any, NamedTuple
from uuid import UUID

from warehouse.sql import load

Place = tuple[UUID, int]
"""Topic id and partition."""


Run = tuple[UUID, int, int, int]
"""Topic id, partition, first offset, offset after the last."""


class ClockArrays(NamedTuple):
    """A clock as ClickHouse keeps it: layers of one topic, each with `width` partitions in the last two arrays."""

    topics: list[UUID]
    width: int
    starts: list[int]
    ends: list[int]
    """The offset after the last one; where a layer has none of a partition, both are 0."""


@dataclasses.dataclass(frozen=True)
class Clock:
    """Offsets of the log; never changed."""

    ranges: Mapping[Place, tuple[range, ...]] = dataclasses.field(default_factory=dict)
    """In order, apart from each other and not empty; one range unless rows were lost."""

    @classmethod
    def of(cls, runs: Iterable[Run]) -> "Clock":
        """A clock of runs in any order, which may overlap or be empty."""
        found: dict[Place, list[range]] = defaultdict(list)
        for topic_id, partition, start, end in runs:
            found[topic_id, partition].append(range(start, end))
        return cls({place: joined for place, some in found.items() if (joined := _joined(some))})

    @property
    def runs(self) -> list[Run]:
        """The same again, in order."""
        return [
            (topic_id, partition, run.start, run.stop)
            for (topic_id, partition), some in sorted(self.ranges.items())
            for run in some
        ]

    @cached_property
    def height(self) -> int:
        """How many offsets it has."""
        return sum(len(run) for some in self.ranges.values() for run in some)

    def __contains__(self, place: tuple[UUID, int, int]) -> bool:
        """Whether it has (topic id, partition, offset)."""
        topic_id, partition, offset = place
        return any(offset in run for run in self.ranges.get((topic_id, partition), ()))

    def __or__(self, other: "Clock") -> "Clock":
        """The offsets of either."""
        return Clock.of([*self.runs, *other.runs])

    def __sub__(self, other: "Clock") -> "Clock":
        """The offsets that the other has not."""
        return Clock.of(
            (*place, left.start, left.stop)
            for place, some in self.ranges.items()
            for run in some
            for left in _without(run, other.ranges.get(place, ()))
        )

    def packed(self) -> ClockArrays:
        """As ClickHouse keeps it."""
        width = max((partition + 1 for _, partition in self.ranges), default=0)
        topics: list[UUID] = []
        runs: list[range] = []
        for topic_id in sorted({topic_id for topic_id, _ in self.ranges}):
            own = [self.ranges.get((topic_id, partition), ()) for partition in range(width)]
            for layer in range(max(map(len, own))):
                topics.append(topic_id)
                runs += [some[layer] if layer < len(some) else range(0) for some in own]
        return ClockArrays(topics, width, [run.start for run in runs], [run.stop for run in runs])

    @classmethod
    def unpacked(cls, arrays: ClockArrays) -> "Clock":
        """The clock again."""
        width = arrays.width
        return cls.of(
            (topic_id, partition, arrays.starts[layer * width + partition], arrays.ends[layer * width + partition])
            for layer, topic_id in enumerate(arrays.topics)
            for partition in range(width)
        )

    def condition(self, name: str) -> str:
        """SQL that is true for rows of `events` at its offsets; `parameters(name)` are to be bound."""
        return self._condition(name, "kafka_offset", "kafka_offset")

    def first_day_beyond(self, name: str) -> str:
        """SQL of the first `toDate(batch_time)` of rows at other offsets, or of a day that never comes.

        The projection `hours` answers it whatever the size of the table; as part of a statement it is worked out
        before the statement chooses what to read.
        """
        return Template(load("rollup_beyond")).substitute(counted=self._condition(name, "lowest", "highest"))

    def parameters(self, name: str) -> dict[str, Any]:
        """What is bound in both; the names begin with `name`."""
        topics, width, starts, ends = self.packed()
        found: dict[str, Any] = {}
        for layer, topic_id in enumerate(topics):
            own = slice(layer * width, (layer + 1) * width)
            found[f"{name}_topic{layer}"] = str(topic_id)
            found[f"{name}_starts{layer}"], found[f"{name}_ends{layer}"] = starts[own], ends[own]
        return found

    def _condition(self, name: str, first: str, last: str) -> str:
        """That all offsets from `first` to `last` are in one range of it.

        A partition that it does not know finds 0 in both arrays, so no offset of it is between them.
        """
        layers = [
            f"(topic_id = {{{name}_topic{layer}:UUID}}"
            f" AND {first} >= {{{name}_starts{layer}:Array(UInt64)}}[kafka_partition + 1]"
            f" AND {last} < {{{name}_ends{layer}:Array(UInt64)}}[kafka_partition + 1])"
            for layer in range(len(self.packed().topics))
        ]
        return f"({' OR '.join(layers) or '0'})"


def _joined(some: Iterable[range]) -> tuple[range, ...]:
    merged: list[range] = []
    for run in sorted((run for run in some if run), key=lambda run: run.start):
        if merged and run.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, run.stop))
        else:
            merged.append(run)
    return tuple(merged)


def _without(whole: range, taken: Sequence[range]) -> list[range]:
    left, at = [], whole.start
    for run in taken:
        if run.stop > at and run.start < whole.stop:
            left.append(range(at, run.start))
            at = run.stop
    return [run for run in [*left, range(at, whole.stop)] if run]
