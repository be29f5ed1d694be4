"""Numbers without gaps, and the mark below which nothing is missing."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.events import SRC_BITS
from ingest.sequence import Sequence, new_src


def test_a_number_that_is_not_taken_is_given_again() -> None:
    numbers = Sequence(7)
    assert numbers.upcoming == numbers.upcoming == (7, 1)
    numbers.take()
    assert numbers.upcoming == (7, 2)


@given(st.permutations(range(1, 9)))
def test_the_mark_is_the_end_of_the_unbroken_run(order: list[int]) -> None:
    numbers = Sequence()
    for _ in order:
        numbers.take()
    seen: set[int] = set()
    for seq in order:
        numbers.acknowledge(seq)
        seen.add(seq)
        assert numbers.mark == max(mark for mark in range(9) if set(range(1, mark + 1)) <= seen)
    assert numbers.mark == numbers.taken == 8


def test_start_ids_fit_and_differ() -> None:
    ids = {new_src() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(1 <= src < 1 << SRC_BITS for src in ids)
