"""Ranges of time: presets and custom ones, in any zone, and the buckets that lie in them. Pure: `now` is given.

A local day starts at the first instant that has its date, so a day may have 23 or 25 hours. Ranges are half-open.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import chain
from zoneinfo import ZoneInfo, available_timezones

from api.errors import BadRequest, suggest
from api.query.model import PRESETS

DAWN = datetime(1970, 1, 1, tzinfo=UTC)
DUSK = datetime(2100, 1, 1, tzinfo=UTC)
"""The range of a click's time; `all` reaches from one to the other."""
REALTIME = timedelta(minutes=30)
MAX_LABELS = 10_000
_DURATION = re.compile(r"([1-9]\d{0,3})(min|h|d|w|mo)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Range:
    """Half-open: from `start` up to but without `end`, both UTC; `zone` says what a day is."""

    start: datetime
    end: datetime
    zone: ZoneInfo

    def local(self) -> tuple[datetime, datetime]:
        """The same two moments on the zone's clocks."""
        return self.start.astimezone(self.zone), self.end.astimezone(self.zone)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime"})


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone; raises `BadRequest`."""
    if name not in _zones():
        raise BadRequest(
            f"No time zone is named `{name}`.", field="time_zone", hint=suggest(name, sorted(_zones()))[:300]
        )
    return ZoneInfo(name)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, UTC. A midnight that the clocks skip stands for the end of the skip."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def months_before(day: date, months: int) -> date:
    """The first of the month so many months before the day's."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def range_of(asked: str | list[str], zone: ZoneInfo, now: datetime) -> Range:
    """A preset or a pair → the range; raises `BadRequest` naming `date_range`."""
    try:
        found = _preset(asked, zone, now) if isinstance(asked, str) else _custom(asked, zone)
    except OverflowError:
        raise _bad("The range reaches beyond the years that can be counted.") from None
    start, end = max(found.start, DAWN), min(found.end, DUSK)
    if start >= end:
        raise _bad("The range is empty: it has to end after it starts, between 1970 and 2100.")
    return Range(start, end, zone)


def _bad(message: str, hint: str = "", field: str = "date_range") -> BadRequest:
    return BadRequest(message, field=field, hint=hint)


def _preset(name: str, zone: ZoneInfo, now: datetime) -> Range:
    today = now.astimezone(zone).date()
    if name == "all":
        return Range(DAWN, DUSK, zone)
    if name == "realtime":
        return Range(now - REALTIME, now, zone)
    first_days = {
        "day": today,
        "week": today - timedelta(days=today.weekday()),
        "month": today.replace(day=1),
        "year": today.replace(month=1, day=1),
    }
    if name in first_days:
        return _days(first_days[name], today, zone)
    if name == "yesterday":
        return _days(today - timedelta(days=1), today - timedelta(days=1), zone)
    return _duration(name, zone, now)


def _duration(name: str, zone: ZoneInfo, now: datetime) -> Range:
    """`30min`, `24h` end now; `7d`, `2w` are whole days, `6mo` whole months, today's included."""
    match = _DURATION.fullmatch(name)
    if not match:
        raise _bad(f"`{name}` is no range.", f"Presets are {PRESETS}; else give [from, to].")
    count, unit = int(match[1]), match[2]
    if unit in {"min", "h"}:
        return Range(now - timedelta(minutes=count if unit == "min" else count * 60), now, zone)
    today = now.astimezone(zone).date()
    if unit == "mo":
        if count > 1200:
            raise OverflowError
        return _days(months_before(today, count - 1), months_before(today, -1) - timedelta(days=1), zone)
    return _days(today - timedelta(days=count * (7 if unit == "w" else 1) - 1), today, zone)


def _days(first: date, last: date, zone: ZoneInfo) -> Range:
    return Range(midnight(first, zone), midnight(last + timedelta(days=1), zone), zone)


def _custom(pair: list[str], zone: ZoneInfo) -> Range:
    if all(_DATE.fullmatch(text) for text in pair):
        first, last = (_moment(text, zone, f"date_range[{index}]").date() for index, text in enumerate(pair))
        return _days(first, last, zone)
    start, end = (_moment(text, zone, f"date_range[{index}]") for index, text in enumerate(pair))
    return Range(start.astimezone(UTC), end.astimezone(UTC), zone)


def _moment(text: str, zone: ZoneInfo, field: str) -> datetime:
    """ISO 8601; without an offset it is on the zone's clocks."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _bad(f"`{text[:64]}` is no date.", "Write `2026-11-22` or `2026-11-22T10:00:00+01:00`.", field) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def labels(dimension: str, span: Range, field: str = "include.time_labels") -> list[str]:
    """All buckets of a time dimension (`time:day` …) that have an instant in the range, as results show them.

    Raises `BadRequest` naming `field` when there are more than `MAX_LABELS`.
    """
    unit = dimension.removeprefix("time:")
    buckets = _moments(unit, span) if unit in {"minute", "hour"} else _dates(unit, span)
    found: list[str] = []
    for bucket in buckets:
        if len(found) == MAX_LABELS:
            raise BadRequest(
                f"The range has more than {MAX_LABELS} buckets of `{dimension}`.",
                field=field,
                hint="Ask for a shorter range or a longer bucket.",
            )
        found.append(bucket)
    return found


def _moments(unit: str, span: Range) -> Iterator[str]:
    """Minutes or hours. An hour begins where the local clock's minutes are 0, or would be without its jumps."""
    size = 60 if unit == "minute" else 3600
    first, end = math.floor(span.start.timestamp()), math.ceil(span.end.timestamp())
    shown = None
    # Steps of a quarter of an hour meet every hour of every zone, whatever its offset and its jumps.
    for second in chain(range(first, end, min(size, 900)), (end - 1,)):
        offset = datetime.fromtimestamp(second, span.zone).utcoffset() or timedelta()
        bucket = second - int(second + offset.total_seconds()) % size
        if bucket != shown:
            yield datetime.fromtimestamp(bucket, UTC).astimezone(span.zone).isoformat()
        shown = bucket


def _dates(unit: str, span: Range) -> Iterator[str]:
    start, end = span.local()
    day, last = start.date(), (end - timedelta(microseconds=1)).date()
    day = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "year": day.replace(month=1, day=1),
    }[unit]
    while day <= last:
        yield day.isoformat()
        day = _next(unit, day)


def _next(unit: str, day: date) -> date:
    if unit in {"day", "week"}:
        return day + timedelta(days=1 if unit == "day" else 7)
    return months_before(day, -1 if unit == "month" else -12)
