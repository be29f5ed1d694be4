"""When undecodable records stop a worker."""

import pytest

from streams.dead_ratio import WINDOW, DeadRatio, TooManyDead


def test_a_batch_of_nothing_but_poison_stops_at_once() -> None:
    with pytest.raises(TooManyDead, match="1000 of the last 1000 records"):
        DeadRatio(0.5).observe(WINDOW, WINDOW)


def test_a_few_records_say_nothing_yet() -> None:
    ratio = DeadRatio(0.5)
    for _ in range(99):
        ratio.observe(10, 10)
    with pytest.raises(TooManyDead):
        ratio.observe(10, 10)


def test_poison_among_good_records_stops_nothing() -> None:
    ratio = DeadRatio(0.5)
    for _ in range(100):
        ratio.observe(100, 50)


def test_what_is_long_past_no_longer_excuses() -> None:
    ratio = DeadRatio(0.5)
    ratio.observe(1_000_000, 0)
    ratio.observe(500, 500)
    with pytest.raises(TooManyDead):
        ratio.observe(600, 600)


def test_a_limit_of_one_never_stops() -> None:
    DeadRatio(1.0).observe(10_000, 10_000)
