"""Comparisons: the range that a query's is held against, which bucket stands against which, and rates of change.

Pure. Days are local ones, so a comparison with the day before a change of the clocks is one of 23 or 25 hours.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, date, datetime, timedelta

from api.errors import BadRequest
from api.query.dates import DAWN, DUSK, Range, labels, midnight, months_before, range_of
from api.query.model import Comparisons

FIELD = "include.comparisons"
YEAR_OF_WEEKS = 364
"""Days between two days of the same weekday, a year apart."""
Number = float | None


def compared_range(asked: Comparisons, span: Range, now: datetime) -> Range:
    """The range that `span` is compared with; raises `BadRequest` naming its place under `include.comparisons`."""
    if (asked.date_range is not None) != (asked.mode == "custom"):
        raise BadRequest("The mode `custom`, and no other, comes with a `date_range`.", field=f"{FIELD}.date_range")
    found = _MODES[asked.mode](asked, span, now)
    start, end = max(found.start, DAWN), min(found.end, DUSK)
    if start >= end:
        raise BadRequest("There is no time before the range that it could be compared with.", field=FIELD)
    return Range(start, end, span.zone)


def _previous(asked: Comparisons, span: Range, _now: datetime) -> Range:
    """As long, and right before it; the last as long that begins on the same weekday; or as many calendar months."""
    days = _days(span)
    if asked.match_day_of_week:
        count = (days[1] - days[0]).days if days else math.ceil((span.end - span.start) / timedelta(days=1))
        return _moved(span, 7 * math.ceil(count / 7))
    if days is None:
        return Range(span.start - (span.end - span.start), span.start, span.zone)
    first, after = days
    if first.day == after.day == 1:
        months = (after.year - first.year) * 12 + after.month - first.month
        return Range(midnight(months_before(first, months), span.zone), span.start, span.zone)
    return Range(midnight(first - (after - first), span.zone), span.start, span.zone)


def _year_before(asked: Comparisons, span: Range, _now: datetime) -> Range:
    """The same dates of the year before; by weekdays, 52 weeks before."""
    if asked.match_day_of_week:
        return _moved(span, YEAR_OF_WEEKS)
    days = _days(span)
    if days is None:
        start, end = (_on(moment, span, _last_year(_local_day(moment, span))) for moment in (span.start, span.end))
        return Range(start, end, span.zone)
    last = _last_year(days[1] - timedelta(days=1))
    return Range(midnight(_last_year(days[0]), span.zone), midnight(last + timedelta(days=1), span.zone), span.zone)


def _custom(asked: Comparisons, span: Range, now: datetime) -> Range:
    """The range that was given; by weekdays, moved by at most three days."""
    try:
        found = range_of(asked.date_range or "", span.zone, now)
    except BadRequest as error:
        error.field = f"{FIELD}.{error.field}"
        raise
    if not asked.match_day_of_week:
        return found
    ahead = _local_day(found.start, span).weekday() - _local_day(span.start, span).weekday()
    return _moved(found, (ahead + 3) % 7 - 3)


_MODES: Mapping[str, Callable[[Comparisons, Range, datetime], Range]] = {
    "previous_period": _previous,
    "year_over_year": _year_before,
    "custom": _custom,
}


def _local_day(moment: datetime, span: Range) -> date:
    return moment.astimezone(span.zone).date()


def _days(span: Range) -> tuple[date, date] | None:
    """The first day and the day after the last, if the range is one of whole days."""
    first, after = _local_day(span.start, span), _local_day(span.end, span)
    whole = (midnight(first, span.zone), midnight(after, span.zone)) == (span.start, span.end)
    return (first, after) if whole else None


def _moved(span: Range, days: int) -> Range:
    back = timedelta(days=days)
    start, end = (_on(moment, span, _local_day(moment, span) - back) for moment in (span.start, span.end))
    return Range(start, end, span.zone)


def _on(moment: datetime, span: Range, day: date) -> datetime:
    """The same time of another day, by the zone's clocks; the beginning of a day stays one."""
    local = moment.astimezone(span.zone)
    if moment == midnight(local.date(), span.zone):
        return midnight(day, span.zone)
    return datetime.combine(day, local.timetz()).astimezone(UTC)


def _last_year(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def counterparts(dimension: str, span: Range, other: Range) -> dict[str, str]:
    """Of a time dimension: the label of each bucket → that of the bucket in the other range that it stands against.

    That is the one in the same place from the beginning; of hours and minutes the same time of the same day, where
    both ranges begin with a day: so a day of 23 hours shifts nothing. A bucket without a counterpart is left out.
    Raises `BadRequest` where there are too many buckets.
    """
    by_clock = all(part.start == midnight(_local_day(part.start, part), part.zone) for part in (span, other))
    places = _by_clock if by_clock and dimension in {"time:minute", "time:hour"} else _by_number
    against = places(dimension, other)
    return {label: against[place] for place, label in places(dimension, span).items() if place in against}


def _by_number(dimension: str, span: Range) -> dict[Hashable, str]:
    return dict(enumerate(labels(dimension, span, FIELD)))


def _by_clock(dimension: str, span: Range) -> dict[Hashable, str]:
    first = _local_day(span.start, span)
    times: Counter[tuple[int, str]] = Counter()
    places: dict[Hashable, str] = {}
    for label in labels(dimension, span, FIELD):
        local = datetime.fromisoformat(label)
        time = ((local.date() - first).days, local.time().isoformat())
        places[time, times[time]] = label
        times[time] += 1
    return places


def change(now: Number, before: Number) -> Number:
    """By how many per cent of what it was before; None where there is no such number."""
    if now is None or before is None:
        return None
    if now == before:
        return 0.0
    return round(100 * (now - before) / before, 2) if before else None
