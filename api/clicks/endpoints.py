"""`GET /v1/clicks`: raw clicks of a range, as many as there are, in every format."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.datastructures import QueryParams
from starlette.requests import Request

from api.clicks.build import Wanted, build
from api.clicks.columns import RAW_COLUMNS
from api.clicks.stream import Streamed
from api.contract.operation import Described, Operation, Parameter
from api.errors import Away, BadRequest, NotAcceptable, TooExpensive
from api.formats.answers import in_every_format
from api.formats.choose import ARROW, CSV, JSON, NDJSON, PARQUET, Format, chosen
from api.keys.caller import READ, caller_of
from api.query.address import FORMAT, RANGE, addressed, choice, which_clicks, whole
from api.query.parse import Question, parse
from api.query.run import Warehouse
from api.settings import ApiSettings

PARAMETERS = (
    Parameter("columns", str, f"Joined by commas, of: {', '.join(RAW_COLUMNS)}; all unless given."),
    Parameter(
        "rows", Literal["clicks", "events"], "`clicks`: what counts as one, unless given; `events`: every record."
    ),
    Parameter("order", Literal["asc", "desc"], "By time, the oldest first unless given."),
    Parameter("limit", Annotated[int, Field(ge=1, le=999_999_999)], "At most so many; all unless given."),
    *RANGE,
    FORMAT,
)

_TEXT = {"date_time_output_format": "iso"}
_JSON = {**_TEXT, "output_format_json_quote_64bit_integers": 0}
_SETTINGS: dict[Format, dict[str, Any]] = {
    JSON: {**_JSON, "output_format_json_array_of_rows": 1},
    NDJSON: _JSON,
    CSV: {**_TEXT, "output_format_csv_crlf_end_of_line": 1},
    ARROW: {},
    # Groups of rows are made in memory: small ones, and one at a time.
    PARQUET: {
        "output_format_parquet_compression_method": "zstd",
        "output_format_parquet_row_group_size": 100_000,
        "output_format_parquet_row_group_size_bytes": 16_000_000,
        "output_format_parquet_parallel_encoding": 0,
    },
}


async def get_clicks(request: Request) -> Streamed:
    """`GET /v1/clicks?range=7d&columns=time,channel,country&format=csv`."""
    settings: ApiSettings = request.app.state.settings
    warehouse: Warehouse = request.app.state.warehouse
    with addressed(request, PARAMETERS) as parameters:
        format_ = chosen(request)
        within = caller_of(request).conditions()
        body = {"metrics": ["clicks"], **which_clicks(parameters)}
        question = parse(body, now=datetime.now(UTC), zone=settings.time_zone, within=within)
        wanted = _wanted(parameters, question)
    chunks = warehouse.stream(build(wanted, format_), format_.clickhouse, _SETTINGS[format_])
    headers = format_.headers(_title(wanted))
    if format_ is not JSON:
        return Streamed(chunks, headers)
    echo = json.dumps(_echo(wanted), ensure_ascii=False).encode()
    return Streamed(chunks, headers, start=b'{"results": ', end=b', "query": ' + echo + b"}")


def _wanted(parameters: QueryParams, question: Question) -> Wanted:
    limit = parameters.get("limit")
    if limit is not None and not whole(limit, "limit"):
        raise BadRequest("At least one row has to be asked for.", field="limit")
    names = parameters["columns"].split(",") if "columns" in parameters else [*RAW_COLUMNS]
    if len(set(names)) < len(names):
        raise BadRequest("A column is asked for twice.", field="columns")
    return Wanted(
        question,
        columns=[RAW_COLUMNS[choice(name, "columns", RAW_COLUMNS)] for name in names],
        every_record=choice(parameters.get("rows", "clicks"), "rows", ("clicks", "events")) == "events",
        newest_first=choice(parameters.get("order", "asc"), "order", ("asc", "desc")) == "desc",
        limit=None if limit is None else int(limit),
    )


def _title(wanted: Wanted) -> str:
    start, end = wanted.question.span.local()
    return f"weir-{_rows(wanted)}-{start:%Y-%m-%d}-{end:%Y-%m-%d}"


def _rows(wanted: Wanted) -> str:
    return "events" if wanted.every_record else "clicks"


def _echo(wanted: Wanted) -> dict[str, Any]:
    """What was executed."""
    span = wanted.question.span
    return {
        "rows": _rows(wanted),
        "columns": [column.name for column in wanted.columns],
        "filters": wanted.question.asked.model_dump(mode="json")["filters"],
        "date_range": [moment.isoformat() for moment in span.local()],
        "date_range_utc": [moment.isoformat() for moment in (span.start, span.end)],
        "time_zone": span.zone.key,
        "order": "desc" if wanted.newest_first else "asc",
        "limit": wanted.limit,
    }


ROUTES = [
    Described(
        "/v1/clicks",
        get_clicks,
        get=Operation(
            "Raw clicks, as many as there are.",
            {200: in_every_format("A row a click.", Any)},
            READ,
            PARAMETERS,
            errors=(NotAcceptable, TooExpensive, Away),
            queries=True,
            help="An answer that breaks off without its end is not whole: the connection is cut, never ended.",
        ),
    ),
]
