"""Layers: which edition of history is in the answers at which offset.

Editions are switched to one after the other; where two overlap, the later one counts, and what none covers is edition
0. That is worked out here once a switch, so that a statement finds for each row at most one layer that covers it.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import NamedTuple
from uuid import UUID

Ranges = Mapping[tuple[UUID, int], range]
"""Topic and partition → the offsets, one after the other."""

NOTHING = range(1, 1)
"""Stored where a layer has no offsets of a partition: its last offset comes before its first."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """Some offsets of one topic that are in one edition, one range a partition."""

    topic_id: UUID
    edition: int
    offsets: Mapping[int, range]


class Arrays(NamedTuple):
    """Layers as ClickHouse keeps them: an array a field, the last two with `width` places a layer."""

    topics: list[UUID]
    numbers: list[int]
    width: int
    firsts: list[int]
    lasts: list[int]


def layers(stack: Iterable[tuple[int, Ranges]]) -> list[Layer]:
    """Layers that don't overlap, of editions and what they cover, in the order in which they were switched to."""
    pieces: dict[tuple[UUID, int], list[tuple[range, int]]] = defaultdict(list)
    for edition, ranges in stack:
        for place, offsets in ((place, offsets) for place, offsets in ranges.items() if offsets):
            left = [(part, older) for whole, older in pieces[place] for part in without(whole, offsets)]
            pieces[place] = [*left, (offsets, edition)]
    found: dict[tuple[UUID, int, int], dict[int, range]] = defaultdict(dict)
    for (topic_id, partition), parts in pieces.items():
        numbers: defaultdict[int, Iterable[int]] = defaultdict(count)
        for offsets, edition in sorted(parts, key=lambda part: part[0].start):
            found[topic_id, edition, next(iter(numbers[edition]))][partition] = offsets
    return [Layer(topic_id, edition, offsets) for (topic_id, edition, _), offsets in sorted(found.items())]


def without(whole: range, taken: range) -> list[range]:
    """What is left of a range, at most two."""
    parts = (range(whole.start, min(whole.stop, taken.start)), range(max(whole.start, taken.stop), whole.stop))
    return [part for part in parts if part]


def packed(found: Sequence[Layer]) -> Arrays:
    """Layers as ClickHouse keeps them."""
    width = max((partition + 1 for layer in found for partition in layer.offsets), default=0)
    ranges = [layer.offsets.get(partition, NOTHING) for layer in found for partition in range(width)]
    return Arrays(
        [layer.topic_id for layer in found],
        [layer.edition for layer in found],
        width,
        [offsets.start for offsets in ranges],
        [offsets.stop - 1 for offsets in ranges],
    )


def unpacked(arrays: Arrays) -> list[Layer]:
    """The layers again."""
    ranges = [range(first, last + 1) for first, last in zip(arrays.firsts, arrays.lasts, strict=True)]
    return [
        Layer(
            topic_id,
            edition,
            {
                partition: offsets
                for partition, offsets in enumerate(ranges[place * arrays.width : (place + 1) * arrays.width])
                if offsets
            },
        )
        for place, (topic_id, edition) in enumerate(zip(arrays.topics, arrays.numbers, strict=True))
    ]


def ranges_of(found: Iterable[Layer]) -> Ranges:
    """The offsets of layers of one edition."""
    return {(layer.topic_id, number): offsets for layer in found for number, offsets in layer.offsets.items()}
