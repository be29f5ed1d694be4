"""Questions that are written as an address: its parameters, and the body of `POST /v1/query` that they stand for."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.datastructures import QueryParams
from starlette.requests import Request

from api.contract.operation import Parameter
from api.errors import BadRequest, suggest
from api.formats.choose import FORMATS
from api.metrics import METRICS
from api.query.model import PRESETS, Include
from api.query.shorthand import read_filter

FORMAT = Parameter("format", Literal[*FORMATS], "Wins over `Accept`; `json` where neither says anything.")
FILTER = Parameter(
    "filter", list[str], "`channel=Email|SMS`, `country!=CH`, `referrer~google`, `path!~preview`; all hold."
)
FILTERS = Parameter("filters", str, "The same as in `POST /v1/query`, as JSON, for `or`, `not` and the rest.")
ZONE = Parameter("time_zone", str, "IANA name, as `Europe/Zurich`; the installation's unless given.")
RANGE = (
    Parameter("range", str, f"{PRESETS}; `30d` unless given."),
    Parameter("from", str, "First day or moment, with `to`, instead of `range`."),
    Parameter("to", str, "Last day, or the moment at which it ends."),
    ZONE,
    FILTER,
    FILTERS,
)
"""Which clicks."""
EXACT = Parameter("exact", Literal["true", "false"], "Count visitors exactly, at a higher cost.")
PAGE = (
    Parameter("limit", Annotated[int, Field(ge=1, le=10_000)], "Rows of the answer; 1,000 unless given."),
    Parameter("offset", Annotated[int, Field(ge=0, le=100_000)], "Rows that are passed over."),
)
INCLUDED = tuple(name for name in Include.model_fields if name != "comparisons")
COMPARED = ("previous_period", "year_over_year")
INCLUDE = (
    Parameter("include", str, f"Joined by commas, of: {', '.join(INCLUDED)}."),
    Parameter("compare", Literal[*COMPARED], "Each row's metrics in that range too, and how they changed."),
)
QUESTION = (
    Parameter("metrics", str, f"Joined by commas, of: {', '.join(METRICS)}; `clicks,visitors` unless given."),
    *RANGE,
    *INCLUDE,
    *PAGE,
    EXACT,
    FORMAT,
)
"""A whole question but for what it is broken down by."""

_PARAMETER_OF = {
    "metrics": "metrics",
    "filters": "filter",
    "date_range[0]": "from",
    "date_range[1]": "to",
    "date_range": "range",
    "include.empty_buckets": "include",
    "include.time_labels": "include",
    "include.comparisons": "compare",
    "pagination.limit": "limit",
    "pagination.offset": "offset",
}
"""Field of the body → the parameter that it was made from."""


@contextmanager
def addressed(request: Request, known: Iterable[Parameter]) -> Iterator[QueryParams]:
    """The request's parameters; what does not fit, here or further in, is named as the address names it.

    Raises `BadRequest` for a parameter that is not known.
    """
    names = [parameter.name for parameter in known if parameter.where == "query"]
    for name in request.query_params:
        choice(name, name, names)
    try:
        yield request.query_params
    except BadRequest as error:
        place = error.field if error.field in _PARAMETER_OF else error.field.partition("[")[0]
        if place != "filters" or "filters" not in request.query_params:
            error.field = _PARAMETER_OF.get(place, error.field)
        raise


def body_of(parameters: QueryParams, *dimensions: str, metrics: str = "clicks,visitors") -> dict[str, Any]:
    """Parameters → the body that `POST /v1/query` takes; `metrics` unless others are asked. Raises `BadRequest`."""
    return {
        "metrics": parameters.get("metrics", metrics).split(","),
        "dimensions": dimensions,
        **which_clicks(parameters),
        "pagination": {name: whole(parameters[name], name) for name in ("limit", "offset") if name in parameters},
        "include": _included(parameters),
        "exact": is_exact(parameters),
    }


def is_exact(parameters: QueryParams) -> bool:
    """Whether visitors are to be counted exactly; raises `BadRequest`."""
    return choice(parameters.get("exact", "false"), "exact", ("true", "false")) == "true"


def _included(parameters: QueryParams) -> dict[str, Any]:
    names = parameters["include"].split(",") if "include" in parameters else []
    included: dict[str, Any] = {choice(name, "include", INCLUDED): True for name in names}
    if "compare" in parameters:
        included["comparisons"] = {"mode": choice(parameters["compare"], "compare", COMPARED)}
    return included


def which_clicks(parameters: QueryParams, default: str = "30d") -> dict[str, Any]:
    """Range, zone and filters, as a body has them; raises `BadRequest`."""
    return {
        "filters": filters_of(parameters),
        "date_range": _range(parameters, default),
        "time_zone": parameters.get("time_zone", ""),
    }


def filters_of(parameters: QueryParams) -> list[list[Any]]:
    """The filters, as a body has them; raises `BadRequest`."""
    given = _json(parameters["filters"]) if "filters" in parameters else []
    return [*given, *(read_filter(text, "filter") for text in parameters.getlist("filter"))]


def _json(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("This is not JSON.", field="filters", hint='As `[["is", "channel", ["Email"]]]`.') from None
    if not isinstance(found, list):
        raise BadRequest("Filters are a list.", field="filters", hint='As `[["is", "channel", ["Email"]]]`.')
    return found


def _range(parameters: QueryParams, default: str) -> str | list[str]:
    ends = [name for name in ("from", "to") if name in parameters]
    if len(ends) == 1:
        raise BadRequest("A range needs both ends.", field="to" if ends == ["from"] else "from")
    return [parameters["from"], parameters["to"]] if ends else parameters.get("range", default)


def choice(value: str, field: str, known: Iterable[str]) -> str:
    """The value, if it is one of those; else raises `BadRequest`."""
    names = list(known)
    if value not in names:
        raise BadRequest(f"There is no `{value[:64]}`.", field=field, hint=suggest(value, names))
    return value


def whole(text: str, field: str) -> int:
    """A whole number of at most nine digits; raises `BadRequest`."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest(f"`{text[:64]}` is no whole number.", field=field)
    return int(text)
