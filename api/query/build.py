"""Step 3 of a query: the question and its plan → one SQL statement and the values that are bound to it.

Names come from the tables of dimensions, metrics and families; every value that a user sent is a server-side parameter.
"""

import sys
from array import array
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from textwrap import indent
from typing import Any

from api.dimensions import Shape
from api.metrics import APPROXIMATE, EXACT, LEFT_OUT, MEASURES, VISITOR
from api.query.conditions import Condition, Junction, Not, Test
from api.query.parse import Question
from api.query.plan import Plan
from api.query.spans import Span, joined
from warehouse.rollups.clock import Clock
from warehouse.sql import load


def _template(name: str) -> Template:
    """The text of a statement's piece beside this file, without its comments."""
    lines = Path(__file__).with_name(f"{name}.sql").read_text().splitlines()
    return Template("\n".join(line for line in lines if not line.startswith("--")))


_ANSWER, _MERGED, _RAW, _ROLLED = map(_template, ("answer", "merged", "raw", "rolled"))


@dataclass(frozen=True)
class Statement:
    """SQL with `{name:Type}` places, and what is bound to them."""

    sql: str
    parameters: Mapping[str, Any]


@dataclass
class Binder:
    """Gives each value a parameter of its own: `{p0:Array(String)}`, `{p1:String}` …"""

    prefix: str = "p"
    values: dict[str, Any] = field(default_factory=dict)

    def __call__(self, value: object, type_: str) -> str:
        """The place of a value in the SQL."""
        name = f"{self.prefix}{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{type_}}}"


def build(question: Question, plan: Plan, *, rows: int, wanted: Sequence[Sequence[str]] = ()) -> Statement:
    """The statement that gives the question's first so many rows, or those of the `wanted` groups.

    A group is named by the texts of its dimensions. The columns are `d0…` (dimensions), `m0…` (metrics), `t0…` (totals,
    if they are included), `kept`, `total_rows`, and each of `LEFT_OUT` with `left_out_` before it.
    """
    bind, place = Binder(), Binder("s")
    filters = [condition_sql(condition, bind) for condition in question.conditions]
    parts = [*_rolled_parts(question, plan, filters, place), *_raw_parts(question, plan, filters, place)]
    sql = _ANSWER.substitute(
        columns=",\n    ".join(_columns(question, _kept(question, wanted, bind))),
        groups=indent(_united(question, parts), "    "),
        order=", ".join(_order(question)),
    )
    parameters = {"zone": question.span.zone.key, "rows": rows, "switch": plan.switch, **bind.values, **place.values}
    parameters |= _editions(plan)
    for number, (clock, _) in enumerate(_clocks(plan)):
        parameters |= clock.parameters(f"clock{number}")
    # The inner templates are in the metrics' SQL, and values are not in the text: a `$` of a user's is never seen.
    return Statement(Template(sql).substitute(EXACT if question.asked.exact else APPROXIMATE), parameters)


def _united(question: Question, parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0].strip()
    merged = {name: f"sum(parts.{name})" for name in _counted(question)}
    if question.needs_visitors:
        merged["visitor_clicks"] = "sum(parts.visitor_clicks)"
        merged["visitors"] = "${uniq}MergeState${bits}(parts.visitors)"
    names = [f"d{index}" for index in range(len(question.dimensions))]
    return _MERGED.substitute(
        measures=",\n    ".join([*names, *_named(merged)]),
        parts=indent("\nUNION ALL\n".join(part.strip() for part in parts), "    "),
    ).strip()


def _rolled_parts(question: Question, plan: Plan, filters: Sequence[str], bind: Binder) -> Iterable[str]:
    counted = {
        name: f"sumIf(rolled.n, {condition})" if condition else "sum(rolled.n)"
        for name, condition in _counted(question).items()
    }
    if question.needs_visitors:
        counted |= {
            "visitor_clicks": "sum(rolled.visitor_clicks)",
            "visitors": "${uniq}MergeState${bits}(rolled.visitors)",
        }
    for part in plan.rolled:
        yield _ROLLED.substitute(
            measures=",\n    ".join([*_groups(question), *_named(counted)]),
            table=part.table,
            seals=_packed(part.seals, bind),
            where="\n    AND ".join([_within(part.spans, bind, _SECONDS), *filters]),
        )


@dataclass(frozen=True)
class _Plain:
    """A text in which nothing is to be escaped, so that the client does not look at each of its characters."""

    text: str

    def __str__(self) -> str:
        return self.text


def _packed(seals: "array[int]", bind: Binder) -> str:
    """The seals as SQL, bound as base64 of their bytes.

    As an array of numbers a year of hours is 170 kB, more than ClickHouse takes in a field of a form (128 KiB), and its
    text is carried along through the analysis of the statement: 12 ms, and like this none that can be measured.
    """
    little = array("Q", seals)
    if sys.byteorder == "big":
        little.byteswap()
    fields = [
        bind(_Plain(b64encode(little[at : at + _IN_FIELD].tobytes()).decode()), "String")
        for at in range(0, len(little), _IN_FIELD)
    ]
    decoded = ", ".join(f"base64Decode({field})" for field in fields)
    return f"reinterpret(concat({decoded}, ''), 'Array(UInt64)')"


_IN_FIELD = 8_000
"""Seals in one field of a form."""


def _raw_parts(question: Question, plan: Plan, filters: Sequence[str], bind: Binder) -> Iterable[str]:
    counted = {
        name: f"countIf({condition})" if condition else "count()" for name, condition in _counted(question).items()
    }
    if question.needs_visitors:
        counted |= {
            "visitor_clicks": f"countIf({VISITOR})",
            "visitors": f"${{uniq}}StateIf${{bits}}(salt_day, visitor_id, {VISITOR})",
        }
    wheres = [[_within(plan.raw, bind, _MILLIS)]] if plan.raw else []
    for number, (clock, spans) in enumerate(_clocks(plan)):
        wheres.append([*_late(clock, f"clock{number}"), _within(spans, bind, _MILLIS)])
    for where in wheres:
        yield _RAW.substitute(
            measures=",\n    ".join([*_groups(question), *_named(counted)]),
            live=_live(plan),
            where="\n    AND ".join([*where, *filters]),
        )


def _live(plan: Plan) -> str:
    """A condition on records: that they are of the edition that counts where they are."""
    if not plan.layers.topics:
        return "edition = 0"
    places = ", ".join(f"{{layer_{name}:{type_}}}" for name, type_ in _LAYERS.items())
    return load("live").strip().replace("switched", f"tuple({places})")


def _editions(plan: Plan) -> dict[str, Any]:
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


def _clocks(plan: Plan) -> list[tuple[Clock, list[Span]]]:
    """The clocks of a plan's rollups, each once, with the times that are rolled up to it."""
    found: list[tuple[Clock, list[Span]]] = []
    for part in plan.rolled:
        spans = next((spans for clock, spans in found if clock == part.clock), None)
        if spans is None:
            found.append((part.clock, spans := []))
        spans += part.spans
    return [(clock, joined(spans)) for clock, spans in found]


def _late(clock: Clock, name: str) -> list[str]:
    """Conditions on records that a clock has not; the first is by which ClickHouse finds them quickly."""
    return [f"toDate(batch_time) >= {clock.first_day_beyond(name)}", f"NOT {clock.condition(name)}"]


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


def _counted(question: Question) -> dict[str, str]:
    """The measures that the answer needs, with the condition on a record by which each is counted."""
    needed = {metric.measure for metric in question.metrics} | {*LEFT_OUT}
    return {name: condition for name, condition in MEASURES.items() if name in needed}


def _named(measures: Mapping[str, str]) -> list[str]:
    return [f"{sql} AS {name}" for name, sql in measures.items()]


def _kept(question: Question, wanted: Sequence[Sequence[str]], bind: Binder) -> str:
    """Whether a group is in the answer: it is wanted, or anything that was asked for is in it."""
    if not question.dimensions:
        return "1"
    if wanted:
        texts = ", ".join(f"toString(d{index})" for index in range(len(question.dimensions)))
        lists = ", ".join(bind([*values], "Array(String)") for values in zip(*wanted, strict=True))
        return f"tuple({texts}) IN arrayZip({lists})"
    return " OR ".join(dict.fromkeys(f"{metric.measure} > 0" for metric in question.metrics))


def _columns(question: Question, kept: str) -> list[str]:
    columns = [f"d{index}" for index in range(len(question.dimensions))]
    columns += [f"{metric.row} AS m{index}" for index, metric in enumerate(question.metrics)]
    columns += [f"({kept}) AS kept", "sum(kept) OVER () AS total_rows"]
    columns += [f"sum({name}) OVER () AS left_out_{name}" for name in LEFT_OUT]
    if question.asked.include.totals:
        columns += [f"{metric.total} AS t{index}" for index, metric in enumerate(question.metrics)]
    return columns


def _order(question: Question) -> list[str]:
    names = {dimension.name: f"d{index}" for index, dimension in enumerate(question.dimensions)}
    names |= {metric.name: f"m{index}" for index, metric in enumerate(question.metrics)}
    return ["kept DESC", *(f"{names[name]} {direction.upper()}" for name, direction in question.order)]


def condition_sql(condition: Condition, bind: Binder) -> str:
    """A condition as SQL, always in brackets."""
    match condition:
        case Junction(word, parts):
            return "(" + f" {word.upper()} ".join(condition_sql(part, bind) for part in parts) + ")"
        case Not(part):
            return f"(NOT {condition_sql(part, bind)})"
        case Test():
            return f"({_RULES[condition.rule](condition, bind)})"


def _exists(test: Test, _bind: Binder) -> str:
    absent = test.dimension.absent
    return f"{test.dimension.sql} != {absent}" if isinstance(absent, int) else f"{test.dimension.sql} != '{absent}'"


def _is(test: Test, bind: Binder) -> str:
    if test.dimension.shape in {Shape.NUMBER, Shape.LINK}:
        return f"{test.dimension.sql} IN {bind([*test.values], 'Array(UInt64)')}"
    text, values = _texts(test, bind)
    return f"{text} IN {values}"


def _contains(test: Test, bind: Binder) -> str:
    text, values = _texts(test, bind)
    return f"multiSearchAny({text}, {values})"


def _starts_with(test: Test, bind: Binder) -> str:
    text, values = _texts(test, bind)
    return f"arrayExists(value -> startsWith({text}, value), {values})"


def _ends_with(test: Test, bind: Binder) -> str:
    text, values = _texts(test, bind)
    return f"arrayExists(value -> endsWith({text}, value), {values})"


def _matches(test: Test, bind: Binder) -> str:
    flags = "" if test.case_sensitive else "(?i)"
    patterns = [bind(f"{flags}{value}", "String") for value in test.values]
    return " OR ".join(f"match({test.dimension.sql}, {pattern})" for pattern in patterns)


def _texts(test: Test, bind: Binder) -> tuple[str, str]:
    """The dimension's text and the values, both in lower case where case does not matter."""
    values = bind([*test.values], "Array(String)")
    if test.case_sensitive:
        return test.dimension.sql, values
    return f"lowerUTF8({test.dimension.sql})", f"arrayMap(value -> lowerUTF8(value), {values})"


_RULES: Mapping[str, Callable[[Test, Binder], str]] = {
    "exists": _exists,
    "is": _is,
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "matches": _matches,
}
