"""Queries over HTTP: `POST /v1/query`, and two forms of it for an address bar or a spreadsheet; in every format."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from api.body import json_body
from api.contract.operation import Described, Operation, Parameter
from api.dimensions import DIMENSIONS
from api.errors import Away, NotAcceptable, TooExpensive
from api.formats.answers import ETAG, in_every_format, respond
from api.formats.choose import chosen
from api.keys.caller import READ
from api.query.address import FORMAT, QUESTION, addressed, body_of, choice
from api.query.ask import ask
from api.query.model import Query
from api.query.shape import QueryAnswer

MAX_QUERY = 48 << 10
"""Bytes of a query: escaped twice, its longest value still fits into a form's field of ClickHouse (128 KiB)."""
INTERVALS = {name.removeprefix("time:"): name for name, dimension in DIMENSIONS.items() if dimension.is_time}

_ANSWERS = {200: in_every_format("Rows, about them, and what was executed.", QueryAnswer, ETAG)}
_ERRORS = (NotAcceptable, TooExpensive, Away)
_DIMENSION = Parameter("dimension", Literal[*DIMENSIONS], "What the rows are.", "path", required=True)
_INTERVAL = Parameter("interval", Literal[*INTERVALS], "How long a bucket is; `day` unless given.")


async def post_query(request: Request) -> Response:
    """`POST /v1/query`. The format is chosen first: nothing is asked for an answer that can't be sent."""
    format_ = chosen(request)
    return respond(await ask(request, await json_body(request, MAX_QUERY)), format_)


async def get_breakdown(request: Request) -> Response:
    """`GET /v1/breakdown/{dimension}?metrics=clicks,visitors&range=7d&filter=channel=Email`."""
    with addressed(request, QUESTION) as parameters:
        format_ = chosen(request)
        dimension = choice(request.path_params["dimension"], "dimension", DIMENSIONS)
        return respond(await ask(request, body_of(parameters, dimension)), format_)


async def get_timeseries(request: Request) -> Response:
    """`GET /v1/timeseries?interval=day&metrics=clicks&range=30d`."""
    with addressed(request, (_INTERVAL, *QUESTION)) as parameters:
        format_ = chosen(request)
        interval = choice(parameters.get("interval", "day"), "interval", INTERVALS)
        return respond(await ask(request, body_of(parameters, INTERVALS[interval])), format_)


ROUTES = [
    Described(
        "/v1/query",
        post_query,
        post=Operation(
            "Metrics by dimensions, with filters, for a range of time.",
            _ANSWERS,
            READ,
            (FORMAT,),
            Query,
            _ERRORS,
            queries=True,
        ),
    ),
    Described(
        "/v1/breakdown/{dimension}",
        get_breakdown,
        get=Operation(
            "The same by one dimension.", _ANSWERS, READ, (_DIMENSION, *QUESTION), errors=_ERRORS, queries=True
        ),
    ),
    Described(
        "/v1/timeseries",
        get_timeseries,
        get=Operation("The same over time.", _ANSWERS, READ, (_INTERVAL, *QUESTION), errors=_ERRORS, queries=True),
    ),
]
