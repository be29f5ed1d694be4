from collections.abc import Callable, Iterator
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.windows import sightings
from streams.windows.sightings import Sightings


@pytest.fixture(autouse=True, scope="module", params=[1, 100])
def _small_pieces(request: pytest.FixtureRequest) -> Iterator[None]:
    """And chains that are followed all at once as well as one by one."""
    with patch.multiple(sightings, PIECE=8, FEW=request.param):
        yield


Noted = Callable[[Sightings, int, list[int], list[int]], dict[int, list[int]]]


def noted(index: Sightings, first: int, clocks: list[int], keys: list[int]) -> dict[int, list[int]]:
    """Offset → what it sees, of those that may meet somebody; all are remembered."""
    found = {}
    offsets = np.arange(first, first + len(keys))
    for offset, slot in index.note(offsets, np.array(clocks, np.int64), np.array(keys, np.uint64)):
        found[offset] = index.earlier(offset, slot)
        index.add(offset, slot)
    return found


def seen(index: Sightings, first: int, clocks: list[int], keys: list[int]) -> dict[int, list[int]]:
    """The same of all at once."""
    offsets = np.arange(first, first + len(keys))
    places, earlier = index.see(offsets, np.array(clocks, np.int64), np.array(keys, np.uint64))
    return {
        first + place: [name - 1 for name in names if name]
        for place, names in zip(places.tolist(), earlier.tolist(), strict=True)
    }


@pytest.mark.parametrize("noted", [noted, seen])
@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 1 << 32), first=st.integers(0, 1 << 33))
def test_each_click_sees_what_the_definition_says(noted: Noted, seed: int, first: int) -> None:
    """Against a list that is searched; offsets of more than 32 bits, slots that are shared, rings that go round."""
    chance = Random(seed)
    clicks, millis, keep = chance.choice([5, 20]), 50, chance.choice([1, 3])
    index = Sightings(clicks=clicks, millis=millis, keep=keep)
    log: list[tuple[int, int]] = []
    while len(log) < 150:
        size, last = chance.randrange(1, 9), log[-1][0] if log else 0
        clocks = [last + step for step in sorted(chance.choices([0, 1, 5, 30], k=size))]
        keys = [chance.choice([0, 1, 2, 3, 1 << 63, *range(10, 40)]) for _ in range(size)]
        at = first + len(log)
        found = noted(index, at, clocks, keys)
        log += zip(clocks, keys, strict=True)
        for place in range(len(log) - size, len(log)):
            clock, key = log[place]
            seen = [
                first + other
                for other in range(max(0, place - clicks), place)
                if log[other][1] == key != 0 and clock - log[other][0] <= millis
            ][-keep:]
            assert found.get(first + place, []) == seen[::-1]


def test_who_meets_nobody_costs_no_step_in_python() -> None:
    index = Sightings(clicks=1000, millis=1000, keep=4)
    keys = np.random.default_rng(1).integers(1, 1 << 63, 800, np.uint64)
    times = np.zeros(8, np.int64)
    met = [index.note(np.arange(first, first + 8), times, keys[first : first + 8]) for first in range(0, 800, 8)]
    assert sum(map(len, met)) <= 3, "but for those few that share a slot with one of the same piece"


def test_memory_is_what_it_says() -> None:
    small, large = (Sightings(clicks=clicks, millis=1, keep=1).bytes for clicks in (1000, 100_000))
    assert small < 100_000
    assert large < 40 * 131_072 + 1
