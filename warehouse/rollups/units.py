"""Units: where they begin and end. Pure, but for the time zones' rules.

A day begins at the first instant that has its date, as `toStartOfDay` has it in ClickHouse: where the clocks skip
midnight, at the end of the skip.
"""

import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from warehouse.rollups.families import HOUR, UnitKind

MINUTE_BITS = 38
"""A seal is the minute in which its roll began, and below it random bits plus the number of the unit's hour."""
_HOURS = 1 << 22
"""More hours than there are in ClickHouse's DateTime."""


def unit_of(kind: UnitKind, moment: int, zone: str) -> int:
    """The start of the unit in which a moment lies; all in Unix seconds."""
    if kind is UnitKind.HOUR:
        return moment - moment % HOUR
    return _day_of(moment, zone)


@cache
def end_of(kind: UnitKind, start: int, zone: str) -> int:
    """Where the unit ends that starts there."""
    if kind is UnitKind.HOUR:
        return start + HOUR
    day = datetime.fromtimestamp(start, ZoneInfo(zone)).date()
    return _midnight(day + timedelta(days=1), zone)


def units_of(kind: UnitKind, hours: Iterable[int], zone: str) -> set[int]:
    """The units in which some moments of these hours of UTC lie."""
    return {unit_of(kind, moment, zone) for hour in hours for moment in (hour, hour + HOUR - 1)}


def new_seal(now: float) -> int:
    """What the seals of a new roll are counted from; nobody else's are near them."""
    return (int(now) // 60 << MINUTE_BITS) + secrets.randbelow((1 << MINUTE_BITS) - _HOURS)


def seal_of(base: int, start: int) -> int:
    """The seal of a unit in a roll: its own, since no two units begin in one hour."""
    return base + start // HOUR


def sealed_at(seal: int) -> int:
    """When the roll of a seal began, Unix seconds, to the minute."""
    return (seal >> MINUTE_BITS) * 60


def _day_of(moment: int, zone: str) -> int:
    day = datetime.fromtimestamp(moment, ZoneInfo(zone)).date()
    return max(0, _midnight(day, zone))  # ClickHouse knows no time before 1970


@cache
def _midnight(day: date, zone: str) -> int:
    return int(datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC).timestamp())


def near(units: Iterable[int], gap: int) -> Iterator[list[int]]:
    """Units in order, in runs without a greater gap inside: a statement reads the time that a run spans."""
    run: list[int] = []
    for at in sorted(units):
        if run and at - run[-1] > gap:
            yield run
            run = []
        run.append(at)
    if run:
        yield run
