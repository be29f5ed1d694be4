"""Step 2 of a query: the question → one SQL statement and the values that are bound to it.

Names come from the tables of dimensions and metrics; every value that a user sent is a server-side parameter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any

from api.dimensions import Shape
from api.metrics import APPROXIMATE, EXACT, LEFT_OUT, MEASURES, VISITOR_MEASURES
from api.query.conditions import Condition, Junction, Not, Test
from api.query.parse import Question
from warehouse.sql import load

_ANSWER = Template(Path(__file__).with_name("answer.sql").read_text())


@dataclass(frozen=True)
class Statement:
    """SQL with `{name:Type}` places, and what is bound to them."""

    sql: str
    parameters: Mapping[str, Any]


@dataclass
class Binder:
    """Gives each value a parameter of its own: `{p0:Array(String)}`, `{p1:String}` …"""

    values: dict[str, Any] = field(default_factory=dict)

    def __call__(self, value: object, type_: str) -> str:
        """A value and its ClickHouse type → the place where it is bound."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{type_}}}"


def build(question: Question) -> Statement:
    """The question → the statement.

    Its columns are `d0…` (dimensions), `m0…` (metrics), `t0…` (totals, if they are included), `kept`, `total_rows`,
    and each of `LEFT_OUT` with `left_out_` before it.
    """
    bind = Binder()
    filters = [condition_sql(condition, bind) for condition in question.conditions]
    page = question.asked.pagination
    sql = _ANSWER.substitute(
        columns=",\n    ".join(_columns(question)),
        switched=load("switched").strip(),
        live=load("live").strip(),
        measures=",\n        ".join(_measures(question)),
        conditions="".join(f"\n        AND {part}" for part in filters),
        order=", ".join(_order(question)),
    )
    parameters = {
        "start": _millis(question.span.start),
        "end": _millis(question.span.end),
        "zone": question.span.zone.key,
        "rows": page.offset + page.limit,
        **bind.values,
    }
    # The inner templates are in the metrics' SQL, and values are not in the text: a `$` of a user's is never seen.
    return Statement(Template(sql).substitute(EXACT if question.asked.exact else APPROXIMATE), parameters)


def _millis(moment: datetime) -> int:
    """Unix milliseconds, cut down."""
    return int(moment.timestamp() * 1000 + 0.0005)


def _measures(question: Question) -> list[str]:
    measures = dict(MEASURES)
    if any(metric.needs_visitors for metric in question.metrics):
        measures |= VISITOR_MEASURES
    groups = [f"{dimension.sql} AS d{index}" for index, dimension in enumerate(question.dimensions)]
    return groups + [f"{sql} AS {name}" for name, sql in measures.items()]


def _columns(question: Question) -> list[str]:
    kept = " OR ".join(dict.fromkeys(f"{metric.measure} > 0" for metric in question.metrics))
    columns = [f"d{index}" for index in range(len(question.dimensions))]
    columns += [f"{metric.row} AS m{index}" for index, metric in enumerate(question.metrics)]
    columns += [f"({kept if question.dimensions else 1}) AS kept", "sum(kept) OVER () AS total_rows"]
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
