"""What the answer to a query looks like, for the API's description."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class ResultRow(Struct, frozen=True):
    """One group: the values of the dimensions and the metrics, each in the order of the query."""

    dimensions: list[str | int]
    metrics: list[float | None]


class Remark(Struct, frozen=True):
    """Something to know about the numbers."""

    code: str
    message: str
    relative_error: float | UnsetType = UNSET


class Meta(Struct, frozen=True):
    """About the answer; more stands in it where `include` asks for it."""

    table: str
    rows_read: int
    elapsed_ms: float
    left_out: dict[str, int]
    percentages_of: dict[str, str]
    warnings: list[Remark]
    total_rows: int | UnsetType = UNSET
    totals: list[float | None] | UnsetType = UNSET
    time_labels: list[str] | UnsetType = UNSET


class QueryAnswer(Struct, frozen=True):
    """`results`, about them, and what was executed."""

    results: list[ResultRow]
    meta: Meta
    query: dict[str, Any]
