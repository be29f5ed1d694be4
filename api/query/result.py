"""Step 5 of a query: rows → the JSON answer, with an echo of what was executed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.metrics import APPROXIMATE_ERROR, LEFT_OUT
from api.query.dates import Range, labels
from api.query.execute import Executed
from api.query.parse import Question
from api.query.plan import Plan
from api.query.run import Rows
from api.query.spans import Span

Row = Mapping[str, Any]
Shown = dict[str, Any]
"""One row of an answer: `dimensions`, `metrics`, and `comparison` where there is one."""


def shown(question: Question, rows: Rows) -> list[Shown]:
    """The rows as an answer shows them, from the first on."""
    zone, dimensions = question.span.zone, list(enumerate(question.dimensions))
    found = (dict(zip(rows.columns, values, strict=True)) for values in rows.values)
    return [
        {
            "dimensions": [part.show(row[f"d{index}"], zone) for index, part in dimensions],
            "metrics": [row[f"m{index}"] for index in range(len(question.metrics))],
        }
        for row in found
        if row["kept"]
    ]


def result(question: Question, found: Executed, results: Sequence[Shown], *, home_zone: str) -> dict[str, Any]:
    """The answer: `results`, `meta` and `query`. `home_zone` is the one in whose days visitors are told apart."""
    return {"results": [*results], "meta": _meta(question, found, home_zone), "query": _echo(question)}


def totals(question: Question, rows: Rows) -> list[Any]:
    """The metrics over all rows of all pages."""
    first = _first(rows)
    return [first.get(f"t{index}", None if metric.is_ratio else 0) for index, metric in enumerate(question.metrics)]


def figures(found: Executed) -> dict[str, Any]:
    """What an answer was made of, and what it took."""
    parts = [*((part.table, "sealed", part.spans) for part in found.plan.rolled)]
    parts += [("events", "open", found.plan.raw)] if found.plan.raw else []
    parts += [("events", "late", part.spans) for part in found.plan.rolled]
    told = {
        "table": ", ".join(dict.fromkeys(table for table, _, _ in parts)),
        "rows_read": found.rows.rows_read,
        "elapsed_ms": round(found.rows.seconds * 1000, 3),
        "plan": [{"table": table, "rows": which, "ranges_utc": _ranges(spans)} for table, which, spans in parts],
    }
    return told | ({"why_events": found.plan.why} if found.plan.why else {})


def _ranges(spans: Sequence[Span]) -> list[list[str]]:
    return [[datetime.fromtimestamp(moment / 1000, UTC).isoformat() for moment in span] for span in spans]


def _first(rows: Rows) -> Row:
    """The row that carries what is said of all of them."""
    return dict(zip(rows.columns, rows.values[0], strict=True)) if rows.values else {}


def executed(span: Range) -> dict[str, list[str]]:
    """A range, on its zone's clocks and in UTC."""
    return {
        "date_range": [moment.isoformat() for moment in span.local()],
        "date_range_utc": [moment.isoformat() for moment in (span.start, span.end)],
    }


def _meta(question: Question, found: Executed, home_zone: str) -> dict[str, Any]:
    include, first = question.asked.include, _first(found.rows)
    meta: dict[str, Any] = {
        **figures(found),
        "left_out": {name: first.get(f"left_out_{name}", 0) for name in LEFT_OUT},
        "percentages_of": {metric.name: metric.of for metric in question.metrics if metric.of},
        "warnings": _warnings(question, found.plan, home_zone),
    }
    if include.total_rows:
        meta["total_rows"] = first.get("total_rows", 0)
    if include.totals:
        meta["totals"] = totals(question, found.rows)
    if include.time_labels:
        meta["time_labels"] = _time_labels(question)
    return meta


def _time_labels(question: Question) -> list[str]:
    return labels(question.times[0], question.span) if question.times else []


def _warnings(question: Question, plan: Plan, home_zone: str) -> list[dict[str, Any]]:
    warnings: list[dict[str, Any]] = []
    if plan.gone:
        message = (
            "Records of a part of this range may have been dropped by retention, and no rollup has what was asked."
        )
        warnings.append({"code": "records_gone", "message": message})
    if not question.needs_visitors:
        return warnings
    if not question.asked.exact:
        message = "Visitors are counted with a small error above some thousands; `exact: true` has none."
        warnings.append(
            {"code": "visitors_approximate", "message": message, "relative_error": APPROXIMATE_ERROR},
        )
    start, end = question.span.local()
    if (question.span.end - question.span.start).days >= 1 and (end.date() - start.date()).days > 1:
        message = "Over several days these are visitor-days: who comes back on another day counts again."
        warnings.append({"code": "visitor_days", "message": message})
    if question.span.zone.key != home_zone:
        message = f"Visitors are told apart within days of {home_zone}, not of {question.span.zone.key}."
        warnings.append({"code": "visitor_zone", "message": message})
    return warnings


def _echo(question: Question) -> dict[str, Any]:
    """What was executed; sent as a query, it gives the same answer."""
    asked = question.asked
    return {
        "metrics": asked.metrics,
        "dimensions": asked.dimensions,
        "filters": asked.model_dump(mode="json")["filters"],
        **executed(question.span),
        "time_zone": question.span.zone.key,
        "order_by": [list(order) for order in question.order],
        "pagination": asked.pagination.model_dump(),
        "include": _included(question),
        "exact": asked.exact,
    }


def _included(question: Question) -> dict[str, Any]:
    """What was included; a range that depends on the time of asking as what it was."""
    include = question.asked.include.model_dump()
    if question.compared and include["comparisons"]["date_range"]:
        include["comparisons"]["date_range"] = executed(question.compared)["date_range"]
    return include
