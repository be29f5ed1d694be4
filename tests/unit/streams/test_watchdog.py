"""What the watchdog takes for standing still."""

import threading

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


def test_it_ends_the_process_when_a_partition_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.01)
    ended = threading.Event()
    reasons: list[str] = []

    def end(reason: str) -> None:
        reasons.append(reason)
        ended.set()

    dog = Watchdog(lambda: {3: 5}, lambda: {3: 9}, end)
    dog.start()
    assert ended.wait(10)
    dog.stop()
    dog.join(10)
    assert "partitions 3 have not moved" in reasons[0]


def test_a_kafka_that_is_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.001)
    asked = threading.Event()
    looks: list[int] = []

    def ends() -> dict[int, int]:
        looks.append(1)
        if len(looks) > 30:
            asked.set()
        raise OSError("no broker")

    ended: list[str] = []
    dog = Watchdog(lambda: {0: 1}, ends, ended.append)
    dog.start()
    assert asked.wait(10)
    dog.stop()
    dog.join(10)
    assert not ended
