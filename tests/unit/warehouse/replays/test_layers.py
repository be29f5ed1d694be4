from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from warehouse.replays.layers import Layer, Ranges, layers, packed, ranges_of, unpacked

TOPICS = [UUID(int=1), UUID(int=2)]
END = 12

places = st.tuples(st.sampled_from(TOPICS), st.integers(0, 2))
offsets = st.tuples(st.integers(0, END), st.integers(0, END)).map(lambda pair: range(min(pair), max(pair)))
ranges = st.dictionaries(places, offsets, max_size=6)
stacks = st.lists(ranges, max_size=5).map(lambda found: list(enumerate(found, 1)))


def newest(stack: Sequence[tuple[int, Ranges]], topic_id: UUID, partition: int, offset: int) -> int:
    """What is meant: the last edition that covers the offset, else 0."""
    covering = [edition for edition, found in stack if offset in found.get((topic_id, partition), ())]
    return covering[-1] if covering else 0


@given(stacks)
def test_an_offset_is_in_the_edition_that_was_switched_to_last(stack: list[tuple[int, Ranges]]) -> None:
    found = layers(stack)
    for topic_id in TOPICS:
        for partition in range(3):
            for offset in range(END + 1):
                covering = [
                    layer.edition
                    for layer in found
                    if layer.topic_id == topic_id and offset in layer.offsets.get(partition, ())
                ]
                assert (covering or [0]) == [newest(stack, topic_id, partition, offset)]


@given(stacks)
def test_arrays_hold_the_layers(stack: list[tuple[int, Ranges]]) -> None:
    found = layers(stack)
    arrays = packed(found)
    assert unpacked(arrays) == found
    assert len(arrays.firsts) == len(arrays.lasts) == arrays.width * len(found)


def test_an_edition_that_is_split_by_a_later_one_has_two_layers() -> None:
    stack = [(1, {(TOPICS[0], 0): range(10), (TOPICS[0], 1): range(10)}), (2, {(TOPICS[0], 0): range(4, 6)})]
    assert layers(stack) == [
        Layer(TOPICS[0], 1, {0: range(4), 1: range(10)}),
        Layer(TOPICS[0], 1, {0: range(6, 10)}),
        Layer(TOPICS[0], 2, {0: range(4, 6)}),
    ]


def test_the_ranges_of_an_edition_come_back() -> None:
    wanted = {(TOPICS[0], 2): range(3, 8), (TOPICS[1], 0): range(1)}
    assert ranges_of(unpacked(packed(layers([(7, wanted)])))) == wanted
