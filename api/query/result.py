"""Step 4 of a query: rows → the JSON answer, with an echo of what was executed."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.metrics import APPROXIMATE_ERROR, LEFT_OUT, METRICS
from api.query.dates import labels
from api.query.parse import Question
from api.query.run import Rows

Row = Mapping[str, Any]


def result(question: Question, rows: Rows, *, home_zone: str) -> dict[str, Any]:
    """The answer: `results`, `meta` and `query`. `home_zone` is the one in whose days visitors are told apart."""
    found: list[Row] = [dict(zip(rows.columns, values, strict=True)) for values in rows.values]
    return {
        "results": [_shown(question, row) for row in _page(question, found)],
        "meta": _meta(question, rows, found[0] if found else {}, home_zone),
        "query": _echo(question),
    }


def _page(question: Question, found: Sequence[Row]) -> list[Row]:
    return [row for row in found[question.asked.pagination.offset :] if row["kept"]]


def _shown(question: Question, row: Row) -> dict[str, list[Any]]:
    zone = question.span.zone
    return {
        "dimensions": [part.show(row[f"d{index}"], zone) for index, part in enumerate(question.dimensions)],
        "metrics": [row[f"m{index}"] for index in range(len(question.metrics))],
    }


def _meta(question: Question, rows: Rows, first: Row, home_zone: str) -> dict[str, Any]:
    include = question.asked.include
    meta: dict[str, Any] = {
        "table": "events",
        "rows_read": rows.rows_read,
        "elapsed_ms": round(rows.seconds * 1000, 3),
        "left_out": {name: first.get(f"left_out_{name}", 0) for name in LEFT_OUT},
        "percentages_of": {metric.name: metric.of for metric in question.metrics if metric.of},
        "warnings": _warnings(question, home_zone),
    }
    if include.total_rows:
        meta["total_rows"] = first.get("total_rows", 0)
    if include.totals:
        meta["totals"] = [first.get(f"t{index}", _nothing(name)) for index, name in enumerate(question.asked.metrics)]
    if include.time_labels:
        meta["time_labels"] = _time_labels(question)
    return meta


def _nothing(metric: str) -> int | None:
    """A metric of no rows: a count is 0, a ratio is unknown."""
    return None if METRICS[metric].is_ratio else 0


def _time_labels(question: Question) -> list[str]:
    times = [dimension.name for dimension in question.dimensions if dimension.is_time]
    return labels(times[0], question.span) if times else []


def _warnings(question: Question, home_zone: str) -> list[dict[str, Any]]:
    if not any(metric.needs_visitors for metric in question.metrics):
        return []
    warnings: list[dict[str, Any]] = []
    if not question.asked.exact:
        warnings.append(
            {
                "code": "visitors_approximate",
                "message": "Visitors are counted with a small error above some thousands; `exact: true` has none.",
                "relative_error": APPROXIMATE_ERROR,
            }
        )
    start, end = question.span.local()
    if (question.span.end - question.span.start).days >= 1 and (end.date() - start.date()).days > 1:
        warnings.append(
            {
                "code": "visitor_days",
                "message": "Over several days these are visitor-days: who comes back on another day counts again.",
            }
        )
    if question.span.zone.key != home_zone:
        warnings.append(
            {
                "code": "visitor_zone",
                "message": f"Visitors are told apart within days of {home_zone}, not of {question.span.zone.key}.",
            }
        )
    return warnings


def _echo(question: Question) -> dict[str, Any]:
    """What was executed; sent as a query, it gives the same answer."""
    asked = question.asked
    return {
        "metrics": asked.metrics,
        "dimensions": asked.dimensions,
        "filters": asked.model_dump(mode="json")["filters"],
        "date_range": [moment.isoformat() for moment in question.span.local()],
        "date_range_utc": [moment.isoformat() for moment in (question.span.start, question.span.end)],
        "time_zone": question.span.zone.key,
        "order_by": [list(order) for order in question.order],
        "pagination": asked.pagination.model_dump(),
        "include": asked.include.model_dump(),
        "exact": asked.exact,
    }
