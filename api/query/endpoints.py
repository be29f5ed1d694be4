"""Queries over HTTP: `POST /v1/query`, and two forms of it for an address bar or a spreadsheet."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.body import json_body
from api.errors import BadRequest, suggest
from api.query.build import build
from api.query.parse import parse
from api.query.result import as_csv, result
from api.query.run import Warehouse
from api.query.shorthand import read_filter
from api.settings import ApiSettings
from api.telemetry import Telemetry

MAX_QUERY = 256 << 10
FORMATS = ("json", "csv")
GET_PARAMETERS = (
    *("metrics", "range", "from", "to", "time_zone", "filter", "limit", "offset", "exact", "format"),
    "interval",
)


async def post_query(request: Request) -> Response:
    """`POST /v1/query`."""
    return await _answer(request, await json_body(request, MAX_QUERY))


async def get_breakdown(request: Request) -> Response:
    """`GET /v1/breakdown/{dimension}?metrics=clicks,visitors&range=7d&filter=channel=Email`."""
    return await _answer(request, _asked(request.query_params, request.path_params["dimension"]))


async def get_timeseries(request: Request) -> Response:
    """`GET /v1/timeseries?interval=day&metrics=clicks&range=30d`."""
    return await _answer(request, _asked(request.query_params, f"time:{request.query_params.get('interval', 'day')}"))


ROUTES = [
    Route("/v1/query", post_query, methods=["POST"]),
    Route("/v1/breakdown/{dimension}", get_breakdown, methods=["GET"]),
    Route("/v1/timeseries", get_timeseries, methods=["GET"]),
]


async def _answer(request: Request, body: bytes | Mapping[str, Any]) -> Response:
    """Parse → build → run → result."""
    settings: ApiSettings = request.app.state.settings
    warehouse: Warehouse = request.app.state.warehouse
    telemetry: Telemetry = request.app.state.telemetry
    wanted = _format(request.query_params.get("format", "json"))
    question = parse(body, now=datetime.now(UTC), zone=settings.time_zone)
    rows = await warehouse.run(build(question))
    telemetry.rows_read.inc(rows.rows_read)
    answer = result(question, rows, home_zone=settings.time_zone)
    if wanted == "csv":
        return Response(as_csv(answer), media_type="text/csv")
    return JSONResponse(answer)


def _format(name: str) -> str:
    if name not in FORMATS:
        raise BadRequest(f"There is no format `{name[:64]}`.", field="format", hint=suggest(name, FORMATS))
    return name


def _asked(parameters: QueryParams, dimension: str) -> dict[str, Any]:
    """Parameters of an address → the body that `POST /v1/query` takes."""
    for name in parameters:
        if name not in GET_PARAMETERS:
            raise BadRequest("There is no such parameter.", field=name, hint=suggest(name, GET_PARAMETERS))
    page = {name: _whole(parameters[name], name) for name in ("limit", "offset") if name in parameters}
    return {
        "metrics": parameters.get("metrics", "clicks,visitors").split(","),
        "dimensions": [dimension],
        "filters": [read_filter(text, "filter") for text in parameters.getlist("filter")],
        "date_range": _range(parameters),
        "time_zone": parameters.get("time_zone", ""),
        "pagination": page,
        "exact": parameters.get("exact", "false") == "true",
    }


def _range(parameters: QueryParams) -> str | list[str]:
    if "from" in parameters or "to" in parameters:
        for name in ("from", "to"):
            if name not in parameters:
                raise BadRequest("A range needs both ends.", field=name)
        return [parameters["from"], parameters["to"]]
    return parameters.get("range", "30d")


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest(f"`{text[:64]}` is no whole number.", field=field)
    return int(text)
