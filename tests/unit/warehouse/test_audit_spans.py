"""Runs of numbers, against sets of numbers."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.audit.spans import BLOCK, Run, Span, blocks, holes, sift, total, union, without

RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: range(pair[0], sum(pair))))


def numbers(ranges: list[range]) -> set[int]:
    return {number for run in ranges for number in run}


@given(RANGES)
def test_a_union_is_the_same_numbers_in_as_few_ranges_as_can_be(ranges: list[range]) -> None:
    merged = union(ranges)
    assert numbers(merged) == numbers(ranges)
    assert total(merged) == len(numbers(ranges))
    assert all(one.stop < other.start for one, other in pairwise(merged))


@given(st.integers(0, 20), st.integers(0, 60), RANGES)
def test_holes_are_what_is_left_of_the_expected(first: int, end: int, ranges: list[range]) -> None:
    found = holes(range(first, end), ranges)
    assert numbers(found) == set(range(first, end)) - numbers(ranges)
    assert total(found) == len(numbers(found))


@given(RANGES, RANGES)
def test_without(ranges: list[range], taken: list[range]) -> None:
    assert numbers(without(ranges, taken)) == numbers(ranges) - numbers(taken)


@given(st.lists(st.lists(st.integers(0, 30), min_size=1), max_size=6))
def test_what_is_sifted_as_certain_is_there_once_and_nothing_else_goes_unseen(chunks: list[list[int]]) -> None:
    spans = [Span(min(chunk), max(chunk), len(set(chunk)), len(chunk) - len(set(chunk))) for chunk in chunks]
    rows = Counter(number for chunk in chunks for number in chunk)
    certain, unsure = sift(spans)
    sure, looked_at = numbers([run.numbers for run in certain]), numbers(unsure)
    assert all(rows[number] == 1 for number in sure)
    assert not sure & looked_at
    assert rows.keys() <= sure | looked_at


@pytest.mark.parametrize(
    ("spans", "certain"),
    [
        ([], []),
        ([Span(0, 9, 10)], [Run(0, 9)]),
        ([Span(10, 19, 10), Span(0, 9, 10, times=0)], [Run(0, 9, 0), Run(10, 19)]),
        ([Span(0, 9, 9, 1)], []),  # a gap and a double hide each other in the count alone
        ([Span(0, 9, 10, 1)], []),
        ([Span(0, 9, 10), Span(9, 9, 1)], []),  # a double in rows that were read at another time
    ],
)
def test_sift(spans: list[Span], certain: list[Run]) -> None:
    assert sift(spans)[0] == certain


def test_blocks() -> None:
    assert blocks(
        [range(1), range(BLOCK - 1, BLOCK + 1), range(5 * BLOCK, 5 * BLOCK), range(9 * BLOCK, 9 * BLOCK + 1)]
    ) == {0, 1, 9}
