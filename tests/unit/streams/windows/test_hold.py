from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.windows.hold import RECORD_BYTES, Hold, HoldLimit
from tests.unit.streams.test_partition import LogRecord

LIMIT = HoldLimit(3.0, 10 * (RECORD_BYTES + 10))


def records(*stamps: int, first: int = 0) -> list[LogRecord]:
    return [LogRecord(first + place, stamp) for place, stamp in enumerate(stamps)]


def hold(*stamps: int, limit: HoldLimit = LIMIT) -> Hold:
    made = Hold(limit)
    made.put(records(*stamps), arrived=100.0)
    return made


def test_a_record_is_closed_by_one_that_came_a_hold_later() -> None:
    assert hold(0, 1000, 2999).closed() == 0
    assert hold(0, 1000, 3000).closed() == 1
    assert hold(0, 1000, 4000).closed() == 2


def test_without_a_hold_everything_is_closed_at_once() -> None:
    assert hold(5, 5, 5, limit=HoldLimit(0)).closed() == 3


def test_a_clock_that_was_set_back_closes_nothing_and_keeps_nothing_open() -> None:
    made = hold(5000, 1000, 7999)
    assert made.stretch(0, 3).clocks.tolist() == [5000, 5000, 7999]
    assert made.closed() == 0
    made.put(records(8000, first=3), arrived=100.0)
    assert made.closed() == 2


def test_a_hold_ends_by_bytes_too() -> None:
    assert hold(*[0] * 9).closed() == 0
    assert hold(*[0] * 10).closed() == 1
    assert hold(*[0] * 11).size(10) == LIMIT.max_bytes


def test_the_end_of_the_log_closes_what_arrived_a_hold_before() -> None:
    made = hold(0, 1)
    made.put(records(2, first=2), arrived=101.0)
    assert [made.closed(ended) for ended in (102.9, 103.0, 104.0)] == [0, 2, 3]
    assert made.due == 103.0


def test_a_wall_clock_that_is_set_back_opens_nothing_again() -> None:
    made = hold(0)
    made.put(records(1, first=1), arrived=50.0)
    assert made.closed(103.0) == 2


def test_what_was_judged_is_forgotten() -> None:
    made = hold(0, 1000, 4000)
    made.drop(2)
    assert len(made) == 1
    assert made.records(0, 1).offsets.tolist() == [2]
    assert made.closed() == 0


@given(
    st.lists(st.tuples(st.integers(-2000, 4000), st.integers(0, 4000)), min_size=1, max_size=40), st.integers(0, 4000)
)
def test_closed_and_reach_are_what_the_definition_says(steps: list[tuple[int, int]], hold_ms: int) -> None:
    """A later record follows within the hold while its clock and its first byte lie near enough."""
    limit = HoldLimit(hold_ms / 1000, 9000)
    stamps = accumulate(step for step, _ in steps)
    sizes = [size for _, size in steps]
    log = [LogRecord(place, at, value=b"x" * sizes[place]) for place, at in enumerate(stamps)]
    made = Hold(limit)
    made.put(log, arrived=0.0)
    place = made.stretch(0, len(log))
    end = made.size(len(log))

    def follows(one: int, later: int) -> bool:
        near = place.clocks[later] - place.clocks[one] < hold_ms
        return bool(near and place.starts[later] - place.starts[one] < limit.max_bytes)

    def may_be_followed(one: int) -> bool:
        """By a record that is appended at the same moment as the last."""
        return bool(place.clocks[-1] - place.clocks[one] < hold_ms and end - place.starts[one] < limit.max_bytes)

    closed = made.closed()
    assert [may_be_followed(one) for one in range(len(log))] == [one >= closed for one in range(len(log))]
    for count in range(1, len(log) + 1):
        within = [later for later in range(count, len(log)) if follows(count - 1, later)]
        assert made.reach(count) == (within[-1] + 1 if within else count)


def test_seconds_are_told_in_the_logs_unit() -> None:
    assert HoldLimit(0.25).millis == 250
    with pytest.raises(AttributeError):
        LIMIT.seconds = 1.0  # type: ignore[misc]  # it is frozen
