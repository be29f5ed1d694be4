"""Where units begin and end, against the zones' own rules."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.rollups.families import DAY, HOUR, UnitKind
from warehouse.rollups.units import end_of, near, new_seal, seal_of, sealed_at, unit_of, units_of

ZONES = ("UTC", "Europe/Zurich", "Asia/Kathmandu", "America/Havana", "Australia/Lord_Howe", "America/New_York")

moments = st.integers(DAY, 4_000_000_000)
zones = st.sampled_from(ZONES)
kinds = st.sampled_from(UnitKind)


@given(kinds, moments, zones)
def test_units_lie_end_to_end(kind: UnitKind, moment: int, zone: str) -> None:
    start = unit_of(kind, moment, zone)
    end = end_of(kind, start, zone)
    assert start <= moment < end
    assert unit_of(kind, end - 1, zone) == start
    assert unit_of(kind, end, zone) == end


@given(moments, zones)
def test_a_day_is_one_date(moment: int, zone: str) -> None:
    start = unit_of(UnitKind.DAY, moment, zone)
    assert _date(start, zone) == _date(moment, zone)
    assert _date(start - 1, zone) != _date(moment, zone)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("America/Havana", "2026-03-08", 23),
    ],
)
def test_days_on_which_the_clocks_change(zone: str, day: str, hours: int) -> None:
    noon = int(datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone)).timestamp())
    start = unit_of(UnitKind.DAY, noon, zone)
    assert end_of(UnitKind.DAY, start, zone) - start == hours * HOUR


def test_no_unit_begins_before_1970() -> None:
    assert unit_of(UnitKind.DAY, 0, "America/New_York") == 0
    assert end_of(UnitKind.DAY, 0, "America/New_York") == 5 * HOUR


def test_an_hour_may_lie_in_two_days() -> None:
    hour = int(datetime(2026, 11, 22, 18, tzinfo=UTC).timestamp())
    assert len(units_of(UnitKind.DAY, [hour], "Asia/Kathmandu")) == 2
    assert units_of(UnitKind.HOUR, [hour], "Asia/Kathmandu") == {hour}


@given(moments, moments, st.integers(0, 1 << 31), zones)
def test_seals_of_one_roll_are_different_and_know_their_age(one: int, other: int, now: int, zone: str) -> None:
    base = new_seal(now)
    days = [unit_of(UnitKind.DAY, moment, zone) for moment in (one, other)]
    assert (seal_of(base, days[0]) == seal_of(base, days[1])) == (days[0] == days[1])
    assert sealed_at(seal_of(base, one)) == now // 60 * 60
    assert seal_of(base, one) < 1 << 64


@given(st.sets(st.integers(0, 200)), st.integers(1, 30))
def test_units_that_are_near_each_other(units: set[int], gap: int) -> None:
    runs = list(near(units, gap))
    assert [at for run in runs for at in run] == sorted(units)
    assert all(after - before <= gap for run in runs for before, after in pairwise(run))
    assert all(after[0] - before[-1] > gap for before, after in pairwise(runs))


def _date(moment: int, zone: str) -> str:
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).date().isoformat()
