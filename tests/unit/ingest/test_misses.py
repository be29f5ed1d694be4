"""The limit on guessing: how many misses a network has, at which pace, and in how much memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.misses import MINUTE, Misses

HOME = "203.0.113.0/24"


def allowed(misses: Misses, times: int, now: float, network: str = HOME) -> int:
    return sum(misses.wait(network, now) == 0.0 for _ in range(times))


@pytest.mark.parametrize("per_minute", [1, 7, 120])
def test_so_many_at_once_and_then_at_that_pace(per_minute: int) -> None:
    misses = Misses(per_minute)
    assert allowed(misses, 1000, now=50.0) == per_minute
    assert allowed(misses, 1000, now=50.0 + 3 * MINUTE) == per_minute
    waited = misses.wait(HOME, 50.0 + 3 * MINUTE)
    assert waited == pytest.approx(MINUTE / per_minute)
    assert misses.wait(HOME, 50.0 + 3 * MINUTE + waited + 1e-6) == 0.0


def test_networks_do_not_count_for_each_other() -> None:
    misses = Misses(5)
    assert allowed(misses, 10, 0.0) == 5
    assert allowed(misses, 10, 0.0, "198.51.100.0/24") == 5


def test_no_limit() -> None:
    misses = Misses(0)
    assert allowed(misses, 10_000, 0.0) == 10_000


def test_memory_is_bounded_and_the_quietest_network_is_forgotten() -> None:
    misses = Misses(1, capacity=3)
    for number, network in enumerate(["a", "b", "c", "a", "d"]):
        misses.wait(network, float(number))
    assert len(misses) == 3
    assert misses.wait("a", 4.0) > 0, "it asked again after b and c"
    assert misses.wait("b", 4.0) == 0


@given(st.integers(1, 50), st.lists(st.floats(0, 30), max_size=80))
def test_in_any_minute_there_are_at_most_twice_as_many(per_minute: int, pauses: list[float]) -> None:
    misses, now, times = Misses(per_minute), 0.0, []
    for pause in pauses:
        now += pause
        if not misses.wait(HOME, now):
            times.append(now)
    assert all(sum(begin <= time < begin + MINUTE for time in times) <= 2 * per_minute for begin in times)
