"""What the watchdog takes for standing still."""

import asyncio
import threading
from collections.abc import Callable, Mapping

import pytest

from streams import watchdog
from streams.watchdog import Stall, Watchdog


def test_a_partition_that_is_behind_and_unmoved_is_counted() -> None:
    stall = Stall()
    assert [stall.look({0: 5}, {0: 9})[0] for _ in range(4)] == [0, 1, 2, 3]


def test_progress_begins_the_count_anew() -> None:
    stall = Stall()
    stall.look({0: 5}, {0: 9})
    assert stall.look({0: 5}, {0: 9}) == {0: 1}
    assert stall.look({0: 6}, {0: 9}) == {0: 0}


def test_a_partition_at_the_logs_end_is_not_stalled() -> None:
    stall = Stall()
    for _ in range(5):
        assert stall.look({0: 9}, {0: 9}) == {}


def test_a_partition_that_is_no_longer_owned_is_forgotten() -> None:
    stall = Stall()
    stall.look({0: 5}, {0: 9})
    assert stall.look({}, {0: 9}) == {}
    assert stall.look({0: 5}, {0: 9}) == {0: 0}


class Watched:
    """A watchdog that looks often, on the test's own event loop, and what it said."""

    def __init__(
        self, *, reading: bool = True, positions: Mapping[int, int], ends: Callable[[], Mapping[int, int]]
    ) -> None:
        self.reasons: list[str] = []
        self.ended = threading.Event()
        self.looks = 0
        self._ends = ends
        self.dog = Watchdog(reading=lambda: reading, positions=lambda: positions, ends=self._look, end=self._end)

    def _look(self) -> Mapping[int, int]:
        self.looks += 1
        return self._ends()

    def _end(self, reason: str) -> None:
        self.reasons.append(reason)
        self.ended.set()

    async def until_ended(self) -> str:
        """Its first reason, with the loop turning."""
        self.dog.start()
        assert await asyncio.to_thread(self.ended.wait, 10)
        self.stop()
        return self.reasons[0]

    def stop(self) -> None:
        self.dog.stop()
        self.dog.join(10)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.01)


async def test_it_ends_the_process_when_a_partition_stands_still() -> None:
    watched = Watched(positions={3: 5}, ends=lambda: {3: 9})
    assert "partitions 3 have not moved" in await watched.until_ended()


async def test_it_ends_the_process_that_is_given_nothing_to_read() -> None:
    watched = Watched(reading=False, positions={}, ends=lambda: {3: 9})
    assert "no partitions have been handed out" in await watched.until_ended()


async def test_it_ends_the_process_whose_event_loop_hangs() -> None:
    watched = Watched(positions={}, ends=lambda: {3: 9})
    watched.dog.start()
    assert watched.ended.wait(10)  # blocks the loop, which is the point
    watched.stop()
    assert "the event loop has not turned" in watched.reasons[0]


def away() -> Mapping[int, int]:
    raise OSError("no broker")


@pytest.mark.parametrize("ends", [away, lambda: {0: 1}])
async def test_a_kafka_that_is_away_or_silent_ends_nothing(ends: Callable[[], Mapping[int, int]]) -> None:
    watched = Watched(positions={0: 1}, ends=ends)
    watched.dog.start()
    async with asyncio.timeout(10):
        while watched.looks < 3 * watchdog.LOOKS:
            await asyncio.sleep(0.01)
    watched.stop()
    assert not watched.reasons
