"""Queries over HTTP: `POST /v1/query`, and two forms of it for an address bar or a spreadsheet."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.body import json_body
from api.contract.operation import JSON, Answer, Described, Operation, Parameter
from api.dimensions import DIMENSIONS
from api.errors import Away, BadRequest, TooExpensive, suggest
from api.keys.caller import READ, caller_of
from api.metrics import METRICS
from api.query.build import build
from api.query.model import PRESETS, Query
from api.query.parse import parse
from api.query.result import as_csv, result
from api.query.run import Warehouse
from api.query.shape import QueryAnswer
from api.query.shorthand import read_filter
from api.settings import ApiSettings
from api.telemetry import Telemetry

MAX_QUERY = 48 << 10
"""Bytes of a query: escaped twice, its longest value still fits into a form's field of ClickHouse (128 KiB)."""
FORMATS = ("json", "csv")
PARAMETERS = ("metrics", "range", "from", "to", "time_zone", "filter", "limit", "offset", "exact", "format")
INTERVALS = {name.removeprefix("time:"): name for name, dimension in DIMENSIONS.items() if dimension.is_time}
IN_ADDRESS = {
    "metrics": "metrics",
    "filters": "filter",
    "date_range[0]": "from",
    "date_range[1]": "to",
    "date_range": "range",
    "pagination.limit": "limit",
    "pagination.offset": "offset",
}
"""Field of the body → the parameter of an address that it was made from."""


async def post_query(request: Request) -> Response:
    """`POST /v1/query`."""
    return await _answer(request, await json_body(request, MAX_QUERY))


async def get_breakdown(request: Request) -> Response:
    """`GET /v1/breakdown/{dimension}?metrics=clicks,visitors&range=7d&filter=channel=Email`."""
    dimension = _choice(request.path_params["dimension"], "dimension", DIMENSIONS)
    return await _answer_address(request, dimension, PARAMETERS)


async def get_timeseries(request: Request) -> Response:
    """`GET /v1/timeseries?interval=day&metrics=clicks&range=30d`."""
    interval = _choice(request.query_params.get("interval", "day"), "interval", INTERVALS)
    return await _answer_address(request, INTERVALS[interval], (*PARAMETERS, "interval"))


_FORMAT = Parameter("format", Literal["json", "csv"], "`json` unless given.")
_IN_ADDRESS = (
    Parameter("metrics", str, f"Joined by commas, of: {', '.join(METRICS)}; `clicks,visitors` unless given."),
    Parameter("range", str, f"{PRESETS}; `30d` unless given."),
    Parameter("from", str, "First day or moment, with `to`, instead of `range`."),
    Parameter("to", str, "Last day, or the moment at which it ends."),
    Parameter("time_zone", str, "IANA name, as `Europe/Zurich`; the installation's unless given."),
    Parameter("filter", list[str], "`channel=Email|SMS`, `country!=CH`, `referrer~google`, `path!~preview`; all hold."),
    Parameter("limit", Annotated[int, Field(ge=1, le=10_000)], "Rows of the answer; 1,000 unless given."),
    Parameter("offset", Annotated[int, Field(ge=0, le=100_000)], "Rows that are passed over."),
    Parameter("exact", Literal["true", "false"], "Count visitors exactly, at a higher cost."),
    _FORMAT,
)
_ANSWERS = {200: Answer("Rows, about them, and what was executed.", {JSON: QueryAnswer, "text/csv": str})}
_ERRORS = (TooExpensive, Away)
_DIMENSION = Parameter("dimension", Literal[*DIMENSIONS], "What the rows are.", "path", required=True)
_INTERVAL = Parameter("interval", Literal[*INTERVALS], "How long a bucket is; `day` unless given.")

ROUTES = [
    Described(
        "/v1/query",
        post_query,
        post=Operation(
            "Metrics by dimensions, with filters, for a range of time.", _ANSWERS, READ, (_FORMAT,), Query, _ERRORS
        ),
    ),
    Described(
        "/v1/breakdown/{dimension}",
        get_breakdown,
        get=Operation("The same by one dimension.", _ANSWERS, READ, (_DIMENSION, *_IN_ADDRESS), errors=_ERRORS),
    ),
    Described(
        "/v1/timeseries",
        get_timeseries,
        get=Operation("The same over time.", _ANSWERS, READ, (_INTERVAL, *_IN_ADDRESS), errors=_ERRORS),
    ),
]


async def _answer_address(request: Request, dimension: str, known: tuple[str, ...]) -> Response:
    """The answer to a query that is written as an address; what does not fit is named as the address names it."""
    for name in request.query_params:
        _choice(name, name, known)
    try:
        return await _answer(request, _asked(request.query_params, dimension))
    except BadRequest as error:
        place = error.field if error.field in IN_ADDRESS else error.field.partition("[")[0]
        error.field = IN_ADDRESS.get(place, error.field)
        raise


async def _answer(request: Request, body: bytes | Mapping[str, Any]) -> Response:
    """Parse → build → run → result."""
    settings: ApiSettings = request.app.state.settings
    warehouse: Warehouse = request.app.state.warehouse
    telemetry: Telemetry = request.app.state.telemetry
    format_ = _choice(request.query_params.get("format", "json"), "format", FORMATS)
    within = caller_of(request).conditions()
    question = parse(body, now=datetime.now(UTC), zone=settings.time_zone, within=within)
    rows = await warehouse.run(build(question))
    telemetry.rows_read.inc(rows.rows_read)
    answer = result(question, rows, home_zone=settings.time_zone)
    return Response(as_csv(answer), media_type="text/csv") if format_ == "csv" else JSONResponse(answer)


def _asked(parameters: QueryParams, dimension: str) -> dict[str, Any]:
    """Parameters of an address → the body that `POST /v1/query` takes."""
    return {
        "metrics": parameters.get("metrics", "clicks,visitors").split(","),
        "dimensions": [dimension],
        "filters": [read_filter(text, "filter") for text in parameters.getlist("filter")],
        "date_range": _range(parameters),
        "time_zone": parameters.get("time_zone", ""),
        "pagination": {name: _whole(parameters[name], name) for name in ("limit", "offset") if name in parameters},
        "exact": _choice(parameters.get("exact", "false"), "exact", ("true", "false")) == "true",
    }


def _range(parameters: QueryParams) -> str | list[str]:
    ends = [name for name in ("from", "to") if name in parameters]
    if len(ends) == 1:
        raise BadRequest("A range needs both ends.", field="to" if ends == ["from"] else "from")
    return [parameters["from"], parameters["to"]] if ends else parameters.get("range", "30d")


def _choice(value: str, field: str, known: Iterable[str]) -> str:
    names = list(known)
    if value not in names:
        raise BadRequest(f"There is no `{value[:64]}`.", field=field, hint=suggest(value, names))
    return value


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest(f"`{text[:64]}` is no whole number.", field=field)
    return int(text)
