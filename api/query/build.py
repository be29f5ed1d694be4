"""Step 3 of a query: the question and its plan → one SQL statement and the values that are bound to it.

Names come from the tables of dimensions, metrics and families; every value that a user sent is a server-side parameter.
"""

from collections.abc import Sequence
from string import Template
from textwrap import indent

from api.metrics import APPROXIMATE, EXACT, LEFT_OUT
from api.query.filters import condition_sql
from api.query.parse import Question
from api.query.parts import clocks, counted_measures, editions, named, raw_parts, rolled_parts
from api.query.plan import Plan
from api.query.statement import Binder, Statement, template

_ANSWER, _MERGED = template("answer"), template("merged")


def build(question: Question, plan: Plan, *, rows: int, wanted: Sequence[Sequence[str]] = ()) -> Statement:
    """The statement that gives the question's first so many rows, or those of the `wanted` groups.

    A group is named by the texts of its dimensions. The columns are `d0…` (dimensions), `m0…` (metrics), `t0…` (totals,
    if they are included), `kept`, `total_rows`, and each of `LEFT_OUT` with `left_out_` before it.
    """
    bind, place = Binder(), Binder("s")
    filters = [condition_sql(condition, bind) for condition in question.conditions]
    parts = [*rolled_parts(question, plan, filters, place), *raw_parts(question, plan, filters, place)]
    sql = _ANSWER.substitute(
        columns=",\n    ".join(_columns(question, _kept(question, wanted, bind))),
        groups=indent(_united(question, parts), "    "),
        order=", ".join(_order(question)),
    )
    parameters = {"zone": question.span.zone.key, "rows": rows, "switch": plan.switch, **bind.values, **place.values}
    parameters |= editions(plan)
    for number, (clock, _, _) in enumerate(clocks(plan)):
        parameters |= clock.parameters(f"clock{number}")
    # The inner templates are in the metrics' SQL, and values are not in the text: a `$` of a user's is never seen.
    return Statement(Template(sql).substitute(EXACT if question.asked.exact else APPROXIMATE), parameters)


def _united(question: Question, parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0].strip()
    merged = {name: f"sum(parts.{name})" for name in counted_measures(question)}
    if question.needs_visitors:
        merged["visitor_clicks"] = "sum(parts.visitor_clicks)"
        merged["visitors"] = "${uniq}MergeState${bits}(parts.visitors)"
    names = [f"d{index}" for index in range(len(question.dimensions))]
    return _MERGED.substitute(
        measures=",\n    ".join([*names, *named(merged)]),
        parts=indent("\nUNION ALL\n".join(part.strip() for part in parts), "    "),
    ).strip()


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
