"""Which grains of time the hours and days of a zone are made of. Pure.

A rollup of quarters of an hour can answer for Kathmandu (+5:45) and Lord Howe (clocks that shift by half an hour), one
of hours can't; and where clocks once shifted a minute after midnight, none can.
"""

import math
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def is_made_of(zone: ZoneInfo, grain: int, start: datetime, end: datetime) -> bool:
    """Whether every hour and day of the zone between two moments consists of whole grains of so many seconds of UTC."""
    return all(_divisor(zone.key, year) % grain == 0 for year in range(start.year, end.year + 1))


@cache
def _divisor(key: str, year: int) -> int:
    """The greatest number of seconds that divides each offset of the year and each moment at which it changes."""
    zone = ZoneInfo(key)
    at, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    offset = _offset(at, zone)
    divisor = math.gcd(3600, offset)
    while at < end:
        later = _offset(at + _DAY, zone)
        if later != offset:
            divisor = math.gcd(divisor, later, int(_shift(at, at + _DAY, zone).timestamp()))
        at, offset = at + _DAY, later
    return divisor


def _offset(at: datetime, zone: ZoneInfo) -> int:
    return int((at.astimezone(zone).utcoffset() or timedelta()).total_seconds())


def _shift(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second with the later of two offsets."""
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return after
