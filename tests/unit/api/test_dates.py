from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import BadRequest
from api.query.dates import Range, labels, midnight, range_of, zone_named

NOW = datetime(2026, 11, 22, 10, 30, 15, 250_000, tzinfo=UTC)  # a Sunday
NEW_YORK, KATHMANDU, ZURICH = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("Europe/Zurich")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("asked", "zone", "start", "end"),
    [
        ("day", "UTC", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("yesterday", "UTC", "2026-11-21T00:00", "2026-11-22T00:00"),
        ("week", "UTC", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("7d", "UTC", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("30d", "UTC", "2026-10-24T00:00", "2026-11-23T00:00"),
        ("2w", "UTC", "2026-11-09T00:00", "2026-11-23T00:00"),
        ("month", "UTC", "2026-11-01T00:00", "2026-11-23T00:00"),
        ("1mo", "UTC", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("6mo", "UTC", "2026-06-01T00:00", "2026-12-01T00:00"),
        ("12mo", "UTC", "2025-12-01T00:00", "2026-12-01T00:00"),
        ("year", "UTC", "2026-01-01T00:00", "2026-11-23T00:00"),
        ("all", "UTC", "1970-01-01T00:00", "2100-01-01T00:00"),
        ("24h", "UTC", "2026-11-21T10:30:15.250", "2026-11-22T10:30:15.250"),
        ("realtime", "UTC", "2026-11-22T10:00:15.250", "2026-11-22T10:30:15.250"),
        ("90min", "UTC", "2026-11-22T09:00:15.250", "2026-11-22T10:30:15.250"),
        ("day", "Asia/Kathmandu", "2026-11-21T18:15", "2026-11-22T18:15"),
        ("day", "Pacific/Kiritimati", "2026-11-22T10:00", "2026-11-23T10:00"),
        (["2026-11-01", "2026-11-30"], "UTC", "2026-11-01T00:00", "2026-12-01T00:00"),
        (["2026-03-08", "2026-03-08"], "America/New_York", "2026-03-08T05:00", "2026-03-09T04:00"),
        (["2026-11-01", "2026-11-01"], "America/New_York", "2026-11-01T04:00", "2026-11-02T05:00"),
        (["2026-11-01T10:00", "2026-11-01T11:00"], "Asia/Kathmandu", "2026-11-01T04:15", "2026-11-01T05:15"),
        (["2026-11-01T10:00:00Z", "2026-11-01T11:00:00+05:45"], "UTC", "", ""),
        (["2026-11-01T10:00:00+05:45", "2026-11-01T10:00:00Z"], "UTC", "2026-11-01T04:15", "2026-11-01T10:00"),
        # Cairo's clocks skip midnight: the day begins when they show one o'clock.
        (["2026-04-24", "2026-04-24"], "Africa/Cairo", "2026-04-23T22:00", "2026-04-24T21:00"),
    ],
)
def test_a_range_is_half_open_and_exact(asked: str | list[str], zone: str, start: str, end: str) -> None:
    if not start:
        with pytest.raises(BadRequest, match="empty"):
            range_of(asked, ZoneInfo(zone), NOW)
        return
    found = range_of(asked, ZoneInfo(zone), NOW)
    assert (found.start, found.end) == tuple(datetime.fromisoformat(f"{text}+00:00") for text in (start, end))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("7x", "date_range"),
        ("0d", "date_range"),
        ("", "date_range"),
        ("9999mo", "date_range"),
        (["2026-11-02", "2026-11-01"], "date_range"),
        (["2026-11-01", "never"], "date_range[1]"),
        (["2026-02-30", "2026-03-01"], "date_range[0]"),
        (["1900-01-01", "1900-02-01"], "date_range"),
        (["9999-12-31", "9999-12-31"], "date_range"),
        (["0001-01-01T00:00+14:00", "0001-01-01T00:00+14:00"], "date_range"),
    ],
)
def test_a_bad_range_names_its_field(asked: str | list[str], field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        range_of(asked, KATHMANDU, NOW)
    assert refused.value.field == field


@pytest.mark.parametrize("name", ["Europe/Zuerich", "../etc/passwd", "", "localtime", "\0", "UTC "])
def test_a_zone_has_to_be_known(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        zone_named(name)
    assert refused.value.field == "time_zone"


def day(text: str, zone: ZoneInfo, days: int = 1) -> Range:
    first = datetime.fromisoformat(text).date()
    return Range(midnight(first, zone), midnight(first + timedelta(days=days), zone), zone)


def test_a_day_in_new_york_has_23_24_or_25_hours() -> None:
    assert len(labels("time:hour", day("2026-03-08", NEW_YORK))) == 23
    assert len(labels("time:hour", day("2026-11-01", NEW_YORK))) == 25
    assert len(labels("time:hour", day("2026-06-01", NEW_YORK))) == 24


def test_the_hour_that_comes_twice_has_two_labels() -> None:
    found = labels("time:hour", day("2026-11-01", NEW_YORK))
    assert found[1:3] == ["2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00"]


def test_the_hour_that_is_skipped_has_no_label() -> None:
    found = labels("time:hour", day("2026-03-08", NEW_YORK))
    assert found[1:3] == ["2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00"]


def test_hours_begin_where_the_local_clock_says_so() -> None:
    assert labels("time:hour", day("2026-11-01", KATHMANDU))[0] == "2026-11-01T00:00:00+05:45"
    assert len(labels("time:hour", day("2026-11-01", KATHMANDU))) == 24


def test_a_range_that_ends_within_a_bucket_has_its_label() -> None:
    start = datetime(2026, 11, 1, 0, 10, tzinfo=UTC)
    span = Range(start, start + timedelta(minutes=55), ZoneInfo("UTC"))
    assert labels("time:hour", span) == ["2026-11-01T00:00:00+00:00", "2026-11-01T01:00:00+00:00"]


@pytest.mark.parametrize(
    ("dimension", "days", "expected"),
    [
        ("time:day", 2, ["2025-12-31", "2026-01-01"]),
        ("time:week", 2, ["2025-12-29"]),
        ("time:week", 6, ["2025-12-29", "2026-01-05"]),
        ("time:month", 2, ["2025-12-01", "2026-01-01"]),
        ("time:year", 2, ["2025-01-01", "2026-01-01"]),
    ],
)
def test_dates_are_the_first_of_their_bucket(dimension: str, days: int, expected: list[str]) -> None:
    assert labels(dimension, day("2025-12-31", ZURICH, days)) == expected


def test_too_many_labels_are_refused() -> None:
    with pytest.raises(BadRequest, match="more than"):
        labels("time:minute", range_of("12mo", ZURICH, NOW))


@given(
    st.sampled_from(["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "UTC"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),
    st.integers(1, 100_000_000),
    st.data(),
)
def test_every_moment_of_a_range_has_its_label(zone: str, start: datetime, millis: int, data: st.DataObject) -> None:
    span = Range(start, start + timedelta(milliseconds=millis), ZoneInfo(zone))
    moment = start + timedelta(milliseconds=data.draw(st.integers(0, millis - 1)))
    local = moment.astimezone(span.zone)
    assert local.date().isoformat() in labels("time:day", span)
    offset = local.utcoffset() or timedelta()
    wall = (moment + offset).replace(minute=0, second=0, microsecond=0)
    label = (wall - offset).astimezone(span.zone).isoformat()
    assert label in labels("time:hour", span)
    assert len(set(labels("time:hour", span))) == len(labels("time:hour", span))
