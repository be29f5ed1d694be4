"""Step 2 of a query: which tables answer it, and for which times. Pure.

An answer is made of rows of rollups under live seals, of the records of all times that no rollup answers, and of the
records that came after a rollup's clock, whatever their time: so it is exact at every moment, late clicks and rolls
under way included. Each time is answered by the smallest table that can.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from api.dimensions import Dimension
from api.query.conditions import Condition, Junction, Not, Test
from api.query.dates import Range
from api.query.parse import Question
from api.query.rollups import NO_LAYERS, Rollup, Rollups
from api.query.spans import Span, common, joined, without
from api.query.zones import is_made_of
from warehouse.replays.layers import Arrays
from warehouse.rollups.clock import Clock
from warehouse.rollups.families import DAY

MOST_SPANS = 32
"""Stretches of raw time in a statement; of more, those that are closest to each other are read as one."""


@dataclass(frozen=True)
class Rolled:
    """What one rollup answers: its rows under some seals, and the records of those times that its clock has not."""

    table: str
    spans: Sequence[Span]
    """Whole grains of the rollup, so whole seconds."""
    seals: "array[int]"
    clock: Clock
    late_from: date | None = None
    """See `Rollup.late_from`."""


@dataclass(frozen=True)
class Plan:
    """The parts of an answer: together all times of its range, no time twice."""

    raw: Sequence[Span]
    """What is read from the records, whether a clock has them or not."""
    rolled: Sequence[Rolled] = ()
    switch: int = 0
    """The version of `editions` that the plan is made for; under another one the statement does not answer."""
    layers: Arrays = NO_LAYERS
    """What that version says: which edition of history counts where."""
    why: str = ""
    """Why records are read for the raw times; empty: there are none."""
    gone: bool = False
    """Whether retention may have dropped some of those records."""


def plan(question: Question, rollups: Rollups) -> Plan:
    """The cheapest plan that is exact."""
    raw = [span_of(question.span)]
    parts: list[tuple[Rollup, list[Span]]] = []
    for rollup in rollups.by_size:
        taken = _taken(rollup, raw) if all(suits(rollup, question) for suits in _NEEDS.values()) else []
        if taken and rollup.seals(taken):
            parts.append((rollup, taken))
            raw = without(raw, taken)
    raw = joined(raw, MOST_SPANS)
    rolled = [_rolled(rollup, left) for rollup, taken in parts if (left := without(taken, raw))]
    frozen_to = max((rollup.frozen_to for rollup in rollups.by_size), default=0)
    return Plan(
        raw,
        rolled,
        rollups.switch,
        rollups.layers,
        why=_why(question, rollups, rolled) if raw else "",
        gone=bool(raw) and raw[0][0] < frozen_to,
    )


def span_of(found: Range) -> Span:
    """A range as Unix milliseconds, cut down."""
    return _millis(found.start), _millis(found.end)


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000 + 0.0005)


def _rolled(rollup: Rollup, spans: Sequence[Span]) -> Rolled:
    return Rolled(rollup.family.table, spans, rollup.seals(spans), rollup.book.clock, rollup.late_from)


def _taken(rollup: Rollup, spans: Sequence[Span]) -> list[Span]:
    """The times within the spans that a rollup answers."""
    whole = [found for span in spans if (found := rollup.whole(span))]
    return without(whole, common(whole, rollup.open)) if whole else []


def _has_columns(rollup: Rollup, question: Question) -> bool:
    """Whether it has all that the question's dimensions and filters read, but for the time."""
    return _columns(question) <= {*rollup.family.keys}


def _has_visitors(rollup: Rollup, question: Question) -> bool:
    return not question.needs_visitors or (rollup.family.visitors and not question.asked.exact)


def _is_fine(rollup: Rollup, question: Question) -> bool:
    """Whether each bucket of the question's time dimensions consists of whole grains."""
    if not question.times:
        return True
    if "time:minute" in question.times or rollup.known is None:
        return False
    if rollup.family.grain == DAY:
        return "time:hour" not in question.times and question.span.zone.key == rollup.zone.key
    start, end = max(rollup.known[0], question.span.start), min(rollup.known[1], question.span.end)
    return is_made_of(question.span.zone, rollup.family.grain, start, end)


_NEEDS: Mapping[str, Callable[[Rollup, Question], bool]] = {
    "No rollup has all dimensions of the query and of its filters.": _has_columns,
    "No rollup with these dimensions counts visitors, or exact ones.": _has_visitors,
    "No rollup is as fine as these buckets of time, in this time zone.": _is_fine,
}
"""What a rollup must have to answer a question, by what is said where none has it."""


def _columns(question: Question) -> set[str]:
    dimensions = [part for part in question.dimensions if not part.is_time]
    return {part.column or part.sql for part in (*dimensions, *_filtered(question.conditions))}


def _filtered(conditions: Iterable[Condition]) -> Iterable[Dimension]:
    for condition in conditions:
        match condition:
            case Junction(parts=parts):
                yield from _filtered(parts)
            case Not(part=part):
                yield from _filtered((part,))
            case Test(dimension=dimension):
                yield dimension


def _why(question: Question, rollups: Rollups, rolled: Sequence[Rolled]) -> str:
    """Why the records of some time are read, in a sentence."""
    if rolled:
        return "No rollup has the hours or days that are still open, or that the range begins or ends in."
    if not rollups.by_size:
        return "Nothing has been rolled up yet."
    suiting = rollups.by_size
    for reason, suits in _NEEDS.items():
        suiting = [rollup for rollup in suiting if suits(rollup, question)]
        if not suiting:
            return reason
    return "The range holds no hour or day that is closed and whole."
