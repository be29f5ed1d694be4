"""Step 1 of a query: JSON → a question whose every name, range and value has been checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from api.dimensions import DIMENSIONS, Dimension
from api.errors import BadRequest, suggest
from api.metrics import METRICS, Metric
from api.query.comparison import compared_range
from api.query.conditions import Condition, conditions
from api.query.dates import Range, range_of, zone_named
from api.query.model import FILTER_TAGS, PRESETS, Order, Query

T = TypeVar("T")


@dataclass(frozen=True)
class Question:
    """A query that can be built: what was asked, resolved."""

    asked: Query
    metrics: tuple[Metric, ...]
    dimensions: tuple[Dimension, ...]
    conditions: tuple[Condition, ...]
    span: Range
    order: tuple[Order, ...]
    compared: Range | None = None
    """The range that each row is compared with."""

    @property
    def times(self) -> tuple[str, ...]:
        """The names of its time dimensions."""
        return tuple(dimension.name for dimension in self.dimensions if dimension.is_time)

    @property
    def needs_visitors(self) -> bool:
        """Whether a metric is made of the dearer measures."""
        return any(metric.needs_visitors for metric in self.metrics)


def parse(body: bytes | Mapping[str, Any], *, now: datetime, zone: str, within: tuple[Condition, ...]) -> Question:
    """JSON text or an object of that shape → the question. `zone` stands in where the query names none.

    `within` is what the caller may see (`Caller.conditions`): it holds beside the query's own filters, whatever they
    say.

    Raises `BadRequest` that names the field, as `filters[0][1]`.
    """
    try:
        query = Query.model_validate_json(body) if isinstance(body, bytes) else Query.model_validate(body)
    except ValidationError as error:
        raise _complaint(error) from None
    metrics = tuple(_known(METRICS, "metric", query.metrics))
    dimensions = tuple(_known(DIMENSIONS, "dimension", query.dimensions))
    span = range_of(query.date_range, zone_named(query.time_zone or zone), now)
    include = query.include
    if include.empty_buckets and sum(dimension.is_time for dimension in dimensions) != 1:
        message = "Empty buckets are those of one time dimension, and the query has none or several."
        raise BadRequest(message, field="include.empty_buckets", hint="Add `time:day` to the dimensions.")
    return Question(
        asked=query,
        metrics=metrics,
        dimensions=dimensions,
        conditions=(*within, *conditions(query.filters)),
        span=span,
        order=_order(query.order_by, metrics, dimensions),
        compared=compared_range(include.comparisons, span, now) if include.comparisons else None,
    )


def _known(table: Mapping[str, T], what: str, names: Sequence[str]) -> list[T]:
    for index, name in enumerate(names):
        place = f"{what}s[{index}]"
        if name not in table:
            raise BadRequest(f"No {what} is named `{name}`.", field=place, hint=suggest(name, table))
        if name in names[:index]:
            raise BadRequest(f"`{name}` is asked twice.", field=place)
    return [table[name] for name in names]


def _order(asked: list[Order], metrics: Sequence[Metric], dimensions: Sequence[Dimension]) -> tuple[Order, ...]:
    """The order asked for, else time upwards and then the first metric downwards; ties go by the dimensions."""
    names = [*(metric.name for metric in metrics), *(dimension.name for dimension in dimensions)]
    for index, (name, _) in enumerate(asked):
        if name not in names:
            message = f"`{name}` is neither a metric nor a dimension of this query."
            raise BadRequest(message, field=f"order_by[{index}][0]", hint=suggest(name, names))
    times = [Order(dimension.name, "asc") for dimension in dimensions if dimension.is_time]
    chosen = asked or [*times, Order(metrics[0].name, "desc")]
    return (*chosen, *(Order(part.name, "asc") for part in dimensions if part.name not in {o.name for o in chosen}))


def _complaint(error: ValidationError) -> BadRequest:
    """The first thing that pydantic found, in the API's words."""
    problem = error.errors(include_url=False, include_context=False)[0]
    field = _place(problem["loc"])
    hint = {
        "filters": 'A filter is written as ["is", "channel", ["Email"]], and `filters` is a list of them.',
        "date_range": f"Presets are {PRESETS}; else give [from, to].",
        "include": 'A comparison is written as {"mode": "previous_period"}.' if "comparisons" in field else "",
    }.get(field.split("[")[0].split(".")[0], "")
    if problem["type"] == "extra_forbidden":
        hint = suggest(str(problem["loc"][-1]), Query.model_fields)
    return BadRequest(f"{_message(problem['type'], problem['msg'], field)}.", field=field, hint=hint)


def _message(kind: str, message: str, field: str) -> str:
    if field.endswith("date_range") and kind != "missing":
        return "This is neither the name of a range nor a pair of dates"
    return {
        "missing": "This is missing",
        "extra_forbidden": "There is no such field",
        "union_tag_not_found": "This is no filter",
        "json_invalid": message.replace("Invalid JSON", "The body is not JSON"),
    }.get(kind, message)


def _place(location: Sequence[str | int]) -> str:
    """`("filters", 0, "comparison", 1)` → `filters[0][1]`."""
    field = ""
    for part in location:
        if isinstance(part, int):
            field += f"[{part}]"
        elif part not in FILTER_TAGS and not part.startswith(_UNION_BRANCHES):
            field += f".{part}" if field else part
    return field


_UNION_BRANCHES = ("str", "int", "constrained-", "list[", "function-", "lax-or-strict")
