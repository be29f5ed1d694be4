from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import BadRequest
from api.query.comparison import change, compared_range, counterparts
from api.query.dates import Range, range_of
from api.query.model import Comparisons

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)  # a Sunday
NEW_YORK, UTC_ZONE = ZoneInfo("America/New_York"), ZoneInfo("UTC")


def compared(asked: str | list[str], zone: str = "UTC", **how: Any) -> Range:
    return compared_range(Comparisons(**how), range_of(asked, ZoneInfo(zone), NOW), NOW)


@pytest.mark.parametrize(
    ("asked", "zone", "mode", "by_weekday", "days"),
    [
        ("7d", "UTC", "previous_period", False, ["2026-11-09", "2026-11-15"]),
        ("month", "UTC", "previous_period", False, ["2026-10-10", "2026-10-31"]),
        (["2026-03-01", "2026-03-31"], "UTC", "previous_period", False, ["2026-02-01", "2026-02-28"]),
        ("6mo", "America/New_York", "previous_period", False, ["2025-12-01", "2026-05-31"]),
        (["2026-11-17", "2026-11-19"], "UTC", "previous_period", True, ["2026-11-10", "2026-11-12"]),
        (["2026-11-01", "2026-11-30"], "UTC", "previous_period", True, ["2026-09-27", "2026-10-26"]),
        (["2026-11-17", "2026-11-19"], "UTC", "year_over_year", False, ["2025-11-17", "2025-11-19"]),
        (["2026-11-17", "2026-11-19"], "UTC", "year_over_year", True, ["2025-11-18", "2025-11-20"]),
        (["2024-02-29", "2024-02-29"], "UTC", "year_over_year", False, ["2023-02-28", "2023-02-28"]),
        (["2026-03-08", "2026-03-08"], "America/New_York", "previous_period", False, ["2026-03-07", "2026-03-07"]),
    ],
)
def test_whole_days_are_compared_with_whole_days(
    asked: str | list[str], zone: str, mode: str, by_weekday: bool, days: list[str]
) -> None:
    found = compared(asked, zone, mode=mode, match_day_of_week=by_weekday)
    assert found == range_of(days, ZoneInfo(zone), NOW)


@pytest.mark.parametrize(
    ("mode", "by_weekday", "start", "end"),
    [
        ("previous_period", False, "2026-11-20T10:30", "2026-11-21T10:30"),
        ("previous_period", True, "2026-11-14T10:30", "2026-11-15T10:30"),
        ("year_over_year", False, "2025-11-21T10:30", "2025-11-22T10:30"),
        ("year_over_year", True, "2025-11-22T10:30", "2025-11-23T10:30"),
    ],
)
def test_a_day_and_a_night_keep_their_time_of_day(mode: str, by_weekday: bool, start: str, end: str) -> None:
    found = compared("24h", mode=mode, match_day_of_week=by_weekday)
    assert (found.start, found.end) == tuple(datetime.fromisoformat(f"{text}+00:00") for text in (start, end))


def test_a_custom_range_is_moved_by_days_to_the_same_weekday() -> None:
    how: dict[str, Any] = {"mode": "custom", "date_range": ["2026-05-01", "2026-05-03"]}  # a Friday
    assert compared(["2026-11-17", "2026-11-19"], **how).local()[0].day == 1
    tuesday = compared(["2026-11-17", "2026-11-19"], match_day_of_week=True, **how)
    assert [moment.date().isoformat() for moment in tuesday.local()] == ["2026-04-28", "2026-05-01"]


@pytest.mark.parametrize(
    ("asked", "how", "field"),
    [
        ("all", {"mode": "previous_period"}, "include.comparisons"),
        ("7d", {"mode": "custom"}, "include.comparisons.date_range"),
        ("7d", {"mode": "previous_period", "date_range": "7d"}, "include.comparisons.date_range"),
        ("7d", {"mode": "custom", "date_range": ["x", "y"]}, "include.comparisons.date_range[0]"),
    ],
)
def test_what_can_not_be_compared_is_refused(asked: str, how: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        compared(asked, **how)
    assert refused.value.field == field


def test_a_day_of_23_hours_shifts_no_other_hour() -> None:
    short, before = (range_of([day, day], NEW_YORK, NOW) for day in ("2026-03-08", "2026-03-07"))
    against = counterparts("time:hour", short, before)
    assert len(against) == 23
    assert against["2026-03-08T01:00:00-05:00"] == "2026-03-07T01:00:00-05:00"
    assert against["2026-03-08T03:00:00-04:00"] == "2026-03-07T03:00:00-05:00"
    assert "2026-03-07T02:00:00-05:00" not in against.values()
    back = counterparts("time:hour", before, short)
    assert "2026-03-07T02:00:00-05:00" not in back


def test_an_hour_that_comes_twice_stands_once_against_one_that_does_not() -> None:
    long, before = (range_of([day, day], NEW_YORK, NOW) for day in ("2026-11-01", "2026-10-31"))
    against = counterparts("time:hour", long, before)
    assert len(against) == 24
    assert "2026-11-01T01:00:00-05:00" not in against


def test_the_31st_day_has_no_counterpart_in_a_month_of_30() -> None:
    october, september = (range_of([f"2026-{month}-01", f"2026-{month}-{days}"], UTC_ZONE, NOW)
                          for month, days in (("10", 31), ("09", 30)))  # fmt: skip
    against = counterparts("time:day", october, september)
    assert (against["2026-10-30"], len(against)) == ("2026-09-30", 30)


@given(st.integers(1, 80), st.integers(0, 6), st.sampled_from(["previous_period", "year_over_year"]))
def test_by_weekday_every_day_stands_against_its_weekday(days: int, first: int, mode: Any) -> None:
    span = range_of([f"2026-06-0{first + 1}", f"2026-06-0{first + 1}"], NEW_YORK, NOW)
    span = Range(span.start, range_of(f"{days}d", NEW_YORK, NOW).end, NEW_YORK)
    other = compared_range(Comparisons(mode=mode, match_day_of_week=True), span, NOW)
    assert other.end <= span.start or mode == "year_over_year"
    against = counterparts("time:day", span, other)
    weekdays = [datetime.fromisoformat(label).weekday() for pair in against.items() for label in pair]
    assert weekdays[::2] == weekdays[1::2]


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [(15, 10, 50.0), (5, 10, -50.0), (0, 0, 0.0), (1, 0, None), (None, 1, None), (1, None, None), (2, 3, -33.33)],
)
def test_a_rate_of_change_is_in_per_cent_of_what_was(
    now: float | None, before: float | None, expected: float | None
) -> None:
    assert change(now, before) == expected
