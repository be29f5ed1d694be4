"""What the answer to a query looks like, for the API's description."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class Earlier(Struct, frozen=True):
    """A row's counterpart in the range of the comparison; `change` is in per cent of what was there."""

    dimensions: list[str | int]
    metrics: list[float | None]
    change: list[float | None]


class ResultRow(Struct, frozen=True):
    """One group: the values of the dimensions and the metrics, each in the order of the query."""

    dimensions: list[str | int]
    metrics: list[float | None]
    comparison: Earlier | UnsetType | None = UNSET


class Remark(Struct, frozen=True):
    """Something to know about the numbers."""

    code: str
    message: str
    relative_error: float | UnsetType = UNSET


class Part(Struct, frozen=True):
    """Which rows of a table are in the answer, and of which times.

    `sealed`: rows of a rollup; `open`: all records of these times; `late`: those that came after the rollup was made.
    """

    table: str
    rows: str
    ranges_utc: list[list[str]]


class Compared(Struct, frozen=True):
    """The range that the rows are compared with; its totals and their change if totals are included."""

    date_range: list[str]
    date_range_utc: list[str]
    table: str
    rows_read: int
    elapsed_ms: float
    plan: list[Part]
    why_events: str | UnsetType = UNSET
    totals: list[float | None] | UnsetType = UNSET
    change: list[float | None] | UnsetType = UNSET


class Meta(Struct, frozen=True):
    """About the answer; more stands in it where `include` asks for it."""

    table: str
    rows_read: int
    elapsed_ms: float
    plan: list[Part]
    left_out: dict[str, int]
    percentages_of: dict[str, str]
    warnings: list[Remark]
    total_rows: int | UnsetType = UNSET
    why_events: str | UnsetType = UNSET
    totals: list[float | None] | UnsetType = UNSET
    time_labels: list[str] | UnsetType = UNSET
    comparison: Compared | UnsetType = UNSET
    current_visitors: int | UnsetType = UNSET
    """Of `/v1/realtime`."""


class QueryAnswer(Struct, frozen=True):
    """`results`, about them, and what was executed."""

    results: list[ResultRow]
    meta: Meta
    query: dict[str, Any]
