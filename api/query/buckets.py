"""Empty buckets: a row for each bucket of the time dimension in which nothing was counted. Pure.

Only an answer that is whole can be filled, so it is fetched whole, filled, put in order and then cut into its page.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from api.dimensions import Shape
from api.errors import TooExpensive
from api.query.dates import labels
from api.query.parse import Question

MAX_FILLED = 10_000
FIELD = "include.empty_buckets"
Row = dict[str, Any]
"""`dimensions` and `metrics`, as an answer shows them."""


def filled(question: Question, rows: Sequence[Row]) -> list[Row]:
    """All rows of an answer and those of its empty buckets, in the question's order.

    Of each combination of the other dimensions that occurs, every bucket of the range has a row. Raises `BadRequest`
    where the range has too many buckets, `TooExpensive` where there are too many rows.
    """
    [time] = question.times
    place = [dimension.name for dimension in question.dimensions].index(time)
    found = {tuple(row["dimensions"]): row for row in rows}
    others = dict.fromkeys((key[:place], key[place + 1 :]) for key in found) or (
        {((), ()): None} if len(question.dimensions) == 1 else {}
    )
    buckets = labels(time, question.span, FIELD)
    if len(others) * len(buckets) > MAX_FILLED or len(rows) > MAX_FILLED:
        raise TooExpensive(
            f"With its empty buckets the answer has more than {MAX_FILLED} rows.",
            hint="Ask for a shorter range, longer buckets, fewer dimensions or a filter.",
        )
    shares = any(value is not None for row in rows for value in _shares(question, row["metrics"]))
    empty = nothing(question, shares=shares)
    keys = ((*before, bucket, *after) for (before, after), bucket in product(others, buckets))
    return in_order(question, [found.get(key) or {"dimensions": [*key], "metrics": [*empty]} for key in keys])


def nothing(question: Question, *, shares: bool) -> list[int | None]:
    """The metrics of a group without rows; a share is 0 where there is anything to have a share of."""
    return [0 if (shares and metric.of) or not metric.is_ratio else None for metric in question.metrics]


def _shares(question: Question, metrics: Sequence[Any]) -> Iterable[Any]:
    return (value for metric, value in zip(question.metrics, metrics, strict=True) if metric.of)


def in_order(question: Question, rows: list[Row]) -> list[Row]:
    """The rows as ClickHouse would put them in order: what is unknown comes last, upwards and downwards."""
    dimensions = [dimension.name for dimension in question.dimensions]
    metrics = [metric.name for metric in question.metrics]
    for name, direction in reversed(question.order):
        kind, index = ("dimensions", dimensions.index(name)) if name in dimensions else ("metrics", metrics.index(name))
        down = direction == "desc"

        def key(row: Row, kind: str = kind, index: int = index, down: bool = down) -> tuple[bool, Any]:
            value = row[kind][index]
            if kind == "dimensions" and question.dimensions[index].shape is Shape.MOMENT:
                value = datetime.fromisoformat(value)  # the texts of an hour that comes twice are in another order
            return (value is None) != down, 0 if value is None else value

        rows.sort(key=key, reverse=down)
    return rows
