"""Salts: one for each day of the zone, the first in the log wins, and none is kept for long."""

from datetime import UTC, datetime
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from ingest.address import Address
from ingest.salts import AHEAD_MS, Salts
from ingest.visitor import Visitor

HOUR = 3_600_000
UTC_ZONE = ZoneInfo("UTC")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def salts(zone: ZoneInfo = UTC_ZONE) -> Salts:
    numbers = count(1)
    return Salts(zone, lambda size: next(numbers).to_bytes(size, "big"))


def share(source: Salts, target: Salts, now: int) -> None:
    for key, value in source.wanted(now):
        target.read(key, value)


def visitor(known: Salts, ts: int) -> Visitor:
    return known.at(ts).ids.of(Address("192.0.2.0/24", b"\xc0\x00\x02\x01"), "Firefox", "go.example")


NOON = at("2026-11-22T12:00Z")
MORNING = at("2026-11-22T06:00Z")


def test_without_a_shared_salt_there_is_one_of_ones_own() -> None:
    known = salts()
    salt = known.at(MORNING)
    assert (salt.day, salt.local) == ("2026-11-22", True)
    assert known.at(MORNING + HOUR) is salt


def test_the_shared_salt_takes_over_at_once() -> None:
    known, other = salts(), salts()
    known.at(MORNING)
    share(other, known, MORNING)
    assert not known.at(MORNING).local


def test_the_first_record_of_a_day_wins() -> None:
    two, three = Salts(UTC_ZONE), Salts(UTC_ZONE)
    log = [*two.wanted(MORNING), *three.wanted(MORNING)]
    first = Salts(UTC_ZONE)
    first.read(*log[0])
    for reader in (two, three, Salts(UTC_ZONE)):
        for key, value in log:
            reader.read(key, value)
        assert visitor(reader, MORNING) == visitor(first, MORNING)


def test_tomorrow_s_is_published_ahead_and_only_once_known_to_be_missing() -> None:
    known = salts()
    assert [key for key, _ in known.wanted(MORNING)] == [b"2026-11-22"]
    assert [key for key, _ in known.wanted(NOON)] == [b"2026-11-22", b"2026-11-23"]
    share(salts(), known, NOON)
    assert known.wanted(NOON) == []
    assert not known.at(NOON + 12 * HOUR).local
    assert known.at(NOON + 12 * HOUR).day == "2026-11-23"


def test_a_salt_lives_no_longer_in_the_topic_than_the_topic_keeps_it() -> None:
    assert AHEAD_MS + 25 * HOUR <= 48 * HOUR


def test_salts_are_forgotten_48_hours_after_their_day_began() -> None:
    known = salts()
    share(salts(), known, MORNING)
    known.at(MORNING)
    known.wanted(at("2026-11-23T23:59Z"))
    assert not known.at(MORNING).local
    known.wanted(at("2026-11-24T00:00Z"))
    assert known.at(MORNING).local


def test_two_days_have_two_salts() -> None:
    known = salts()
    share(salts(), known, NOON)
    assert visitor(known, NOON) != visitor(known, NOON + 12 * HOUR)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("UTC", "2026-11-22T00:00Z", "2026-11-23T00:00Z"),
        ("Asia/Kathmandu", "2026-11-22T00:00+05:45", "2026-11-23T00:00+05:45"),
        ("America/New_York", "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00"),
        ("America/New_York", "2026-03-08T00:00-05:00", "2026-03-09T00:00-04:00"),
    ],
)
def test_days_are_the_zone_s(zone: str, start: str, end: str) -> None:
    known = salts(ZoneInfo(zone))
    first, last = known.at(at(start)), known.at(at(end) - 1)
    assert first == last
    assert (first.start, first.end, first.day) == (at(start), at(end), start[:10])
    assert known.at(at(start) - 1).day < first.day < known.at(at(end)).day


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"2026-11-22", None),
        (b"2026-11-22", b"{}"),
        (b"2026-11-22", b"\xff"),
        (b"2026-11-22", b'{"day":"2026-11-22","salt":"AAAA"}'),
        (b"2026-11-23", b'{"day":"2026-11-22","salt":"' + b"A" * 43 + b'="}'),
    ],
)
def test_a_bad_record_is_an_error(key: bytes, value: bytes | None) -> None:
    known = salts()
    with pytest.raises(ValueError, match=r"."):
        known.read(key, value)
    assert known.at(MORNING).local


def test_a_salt_that_was_published_is_waited_for_but_not_with_another_days() -> None:
    known = salts()
    assert [key for key, _ in known.due(MORNING, 5.0)] == [b"2026-11-22"]
    assert known.due(MORNING, 64.9) == []
    assert [key for key, _ in known.due(NOON + HOUR, 6.0)] == [b"2026-11-23"], "the clock was set ahead"
    assert [key for key, _ in known.due(NOON + HOUR, 65.0)] == [b"2026-11-22"]
