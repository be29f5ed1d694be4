"""The parts of a planned statement: one for each rollup, one for the raw times, one for each clock's late records."""

import sys
from array import array
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from api.metrics import LEFT_OUT, MEASURES, VISITOR
from api.query.parse import Question
from api.query.plan import Plan
from api.query.spans import Span, joined
from api.query.statement import Binder, Plain, template
from warehouse.rollups.clock import Clock
from warehouse.sql import load

_RAW, _ROLLED = template("raw"), template("rolled")


def rolled_parts(question: Question, plan: Plan, filters: Sequence[str], bind: Binder) -> Iterable[str]:
    """Of each rollup of the plan, the measures by group of its rows under live seals."""
    counted = {
        name: f"sumIf(rolled.n, {condition})" if condition else "sum(rolled.n)"
        for name, condition in counted_measures(question).items()
    }
    if question.needs_visitors:
        counted |= {
            "visitor_clicks": "sum(rolled.visitor_clicks)",
            "visitors": "${uniq}MergeState${bits}(rolled.visitors)",
        }
    for part in plan.rolled:
        yield _ROLLED.substitute(
            measures=",\n    ".join([*_groups(question), *named(counted)]),
            table=part.table,
            seals=_packed(part.seals, bind),
            where="\n    AND ".join([_within(part.spans, bind, _SECONDS), *filters]),
        )


def _packed(seals: "array[int]", bind: Binder) -> str:
    """The seals as SQL, bound as base64 of their bytes.

    As an array of numbers a year of hours is 170 kB, more than ClickHouse takes in a field of a form (128 KiB), and its
    text is carried along through the analysis of the statement: 12 ms, and like this none that can be measured.
    """
    little = array("Q", seals)
    if sys.byteorder == "big":
        little.byteswap()
    fields = [
        bind(Plain(b64encode(little[at : at + _IN_FIELD].tobytes()).decode()), "String")
        for at in range(0, len(little), _IN_FIELD)
    ]
    decoded = ", ".join(f"base64Decode({field})" for field in fields)
    return f"reinterpret(concat({decoded}, ''), 'Array(UInt64)')"


_IN_FIELD = 8_000
"""Seals in one field of a form."""


def raw_parts(question: Question, plan: Plan, filters: Sequence[str], bind: Binder) -> Iterable[str]:
    """The same of the records of the raw times, and of those that came after each clock."""
    counted = {
        name: f"countIf({condition})" if condition else "count()"
        for name, condition in counted_measures(question).items()
    }
    if question.needs_visitors:
        counted |= {
            "visitor_clicks": f"countIf({VISITOR})",
            "visitors": f"${{uniq}}StateIf${{bits}}(salt_day, visitor_id, {VISITOR})",
        }
    wheres = [[_within(plan.raw, bind, _MILLIS)]] if plan.raw else []
    for number, (clock, since, spans) in enumerate(clocks(plan)):
        wheres.append([*_late(clock, f"clock{number}", since, bind), _within(spans, bind, _MILLIS)])
    for where in wheres:
        yield _RAW.substitute(
            measures=",\n    ".join([*_groups(question), *named(counted)]),
            live=_live(plan),
            where="\n    AND ".join([*where, *filters]),
        )


def _live(plan: Plan) -> str:
    """A condition on records: that they are of the edition that counts where they are."""
    if not plan.layers.topics:
        return "edition = 0"
    places = ", ".join(f"{{layer_{name}:{type_}}}" for name, type_ in _LAYERS.items())
    return load("live").strip().replace("switched", f"tuple({places})")


def editions(plan: Plan) -> dict[str, Any]:
    """What is bound in `_live`."""
    if not plan.layers.topics:
        return {}
    found = plan.layers._asdict() | {"topics": [str(topic) for topic in plan.layers.topics]}
    return {f"layer_{name}": found[name] for name in _LAYERS}


_LAYERS = {
    "topics": "Array(UUID)",
    "numbers": "Array(UInt32)",
    "width": "UInt32",
    "firsts": "Array(UInt64)",
    "lasts": "Array(UInt64)",
}


def clocks(plan: Plan) -> list[tuple[Clock, date | None, list[Span]]]:
    """The clocks of a plan's rollups, each once, with their `late_from` and the times that are rolled up to it."""
    found: list[tuple[Clock, date | None, list[Span]]] = []
    for part in plan.rolled:
        spans = next((spans for clock, _, spans in found if clock == part.clock), None)
        if spans is None:
            found.append((part.clock, part.late_from, spans := []))
        spans += part.spans
    return [(clock, since, joined(spans)) for clock, since, spans in found]


def _late(clock: Clock, name: str, since: date | None, bind: Binder) -> list[str]:
    """Conditions on records that a clock has not; the first is by which ClickHouse finds them quickly."""
    day = bind(since.isoformat(), "Date") if since else clock.first_day_beyond(name)
    return [f"toDate(batch_time) >= {day}", f"NOT {clock.condition(name)}"]


_MILLIS = ("fromUnixTimestamp64Milli({}, 'UTC')", "Int64", 1)
_SECONDS = ("toDateTime({}, 'UTC')", "UInt32", 1000)


def _within(spans: Sequence[Span], bind: Binder, unit: tuple[str, str, int]) -> str:
    """Times in any of the spans; always in brackets."""
    form, type_, size = unit
    ranges = [
        f"ts >= {form.format(bind(start // size, type_))} AND ts < {form.format(bind(end // size, type_))}"
        for start, end in spans
    ]
    return f"({ranges[0]})" if len(ranges) == 1 else "(" + " OR ".join(f"({part})" for part in ranges) + ")"


def _groups(question: Question) -> list[str]:
    return [f"{dimension.sql} AS d{index}" for index, dimension in enumerate(question.dimensions)]


def counted_measures(question: Question) -> dict[str, str]:
    """The measures that the answer needs, with the condition on a record by which each is counted."""
    needed = {metric.measure for metric in question.metrics} | {*LEFT_OUT}
    return {name: condition for name, condition in MEASURES.items() if name in needed}


def named(measures: Mapping[str, str]) -> list[str]:
    """Measures as items of a SELECT."""
    return [f"{sql} AS {name}" for name, sql in measures.items()]
