"""What a query looks like as JSON; the shape that users of Plausible's stats API v2 know."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictInt, StrictStr, Tag

from api.dimensions import DIMENSIONS
from api.metrics import METRICS

MAX_VALUES = 250
"""ClickHouse searches a text for at most 255 others at once."""
MAX_VALUE = 2048
PRESETS = "`day`, `yesterday`, `week`, `month`, `year`, `all`, `realtime`, or a number with `min`, `h`, `d`, `w`, `mo`"

Metric = Annotated[str, Field(json_schema_extra={"enum": list(METRICS)})]
DimensionName = Annotated[str, Field(json_schema_extra={"enum": list(DIMENSIONS)})]
DateRange = Annotated[str, Field(description=PRESETS)] | Annotated[list[str], Field(min_length=2, max_length=2)]
Value = Annotated[StrictStr, Field(max_length=MAX_VALUE)] | StrictInt


class Strict(BaseModel):
    """A JSON object that takes no other fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Options(Strict):
    """Modifiers of a comparison."""

    case_sensitive: bool = True


# fmt: off
Operator = Literal[
    "is", "is_not", "contains", "contains_not", "matches", "matches_not",
    "starts_with", "starts_with_not", "ends_with", "ends_with_not",
]
# fmt: on


class Comparison(NamedTuple):
    """`["is", "channel", ["Email", "SMS"]]`: holds if any of the values fits; with `_not`, if none does."""

    operator: Operator
    dimension: DimensionName
    values: Annotated[list[Value], Field(min_length=1, max_length=MAX_VALUES)]
    options: Options = Options()


class Presence(NamedTuple):
    """`["exists", "utm_campaign"]`: it is neither empty nor 0."""

    operator: Literal["exists", "exists_not"]
    dimension: DimensionName


class Group(NamedTuple):
    """`["or", [filter, filter]]`."""

    operator: Literal["and", "or"]
    filters: Annotated[list["Filter"], Field(min_length=1)]


class Negation(NamedTuple):
    """`["not", filter]`."""

    operator: Literal["not"]
    filter: "Filter"


_TAGS: Mapping[str, str] = {
    "and": "group",
    "or": "group",
    "not": "negation",
    "exists": "presence",
    "exists_not": "presence",
}


def _tag(value: object) -> str | None:
    """Which of the four a JSON value wants to be, told by its first item."""
    if not isinstance(value, list | tuple) or not value or not isinstance(value[0], str):
        return None
    return _TAGS.get(value[0], "comparison")


Filter = Annotated[
    Annotated[Comparison, Tag("comparison")]
    | Annotated[Presence, Tag("presence")]
    | Annotated[Group, Tag("group")]
    | Annotated[Negation, Tag("negation")],
    Discriminator(_tag),
]

FILTER_TAGS = frozenset({"comparison", "presence", "group", "negation"})


class Order(NamedTuple):
    """`["clicks", "desc"]`: a metric or dimension of the query, and a direction."""

    name: str
    direction: Literal["asc", "desc"] = "desc"


class Pagination(Strict):
    """Which rows of the answer."""

    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0


class Comparisons(Strict):
    """Another range of time that each row is compared with."""

    mode: Literal["previous_period", "year_over_year", "custom"]
    date_range: DateRange | None = None
    """The range of `custom`, of no other mode."""
    match_day_of_week: bool = False
    """Begin on the weekday on which the query's range begins."""


class Include(Strict):
    """What the answer holds beside the rest."""

    empty_buckets: bool = False
    """A row for every bucket of the time dimension too in which nothing was counted."""
    comparisons: Comparisons | None = None
    """Each row's metrics in another range, and the rate at which they changed."""
    time_labels: bool = False
    """All buckets of the time dimension in the range, those without a row too."""
    total_rows: bool = False
    """How many rows there are on all pages."""
    totals: bool = False
    """The metrics over all rows of all pages."""


class Query(Strict):
    """The body of `POST /v1/query`."""

    metrics: Annotated[list[Metric], Field(min_length=1, max_length=len(METRICS))]
    dimensions: Annotated[list[DimensionName], Field(max_length=8)] = []
    filters: Annotated[list[Filter], Field(max_length=100)] = []
    """All of them must hold."""
    date_range: DateRange
    """A preset; two dates, both included; or two moments, the second one excluded."""
    time_zone: Annotated[str, Field(max_length=64)] = ""
    """IANA name, as `Europe/Zurich`; empty: the installation's."""
    order_by: Annotated[list[Order], Field(max_length=16)] = []
    pagination: Pagination = Pagination()
    include: Include = Include()
    exact: bool = False
    """Count visitors exactly, at a higher cost, instead of with a relative error of 0.8%."""
