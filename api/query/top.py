"""`GET /v1/top/links`: the links that were clicked most, with what people know them by."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.contract.operation import Described, Operation
from api.errors import Away, NotAcceptable, TooExpensive
from api.formats.answers import in_every_format, table_of, title
from api.formats.choose import JSON, chosen
from api.formats.table import Column, Kind
from api.keys.caller import READ
from api.links.commands import address_of
from api.query.address import QUESTION, addressed, body_of
from api.query.ask import ask
from api.query.shape import Meta
from api.settings import ApiSettings

METRICS = "clicks,share"
"""Unless others are asked: visitors of links are in no rollup, and would be counted from the records each time."""
DIMENSIONS = ("link", "title", "slug", "domain")


class TopLink(Struct, frozen=True):
    """A link: its id, title, slug and domain, the metrics, and its address (empty where no link has this id now)."""

    dimensions: list[str]
    metrics: list[float | None]
    address: str


class TopLinks(Struct, frozen=True):
    """The links in their order, about them, and what was executed."""

    results: list[TopLink]
    meta: Meta
    query: dict[str, Any]


async def get_top_links(request: Request) -> Response:
    """`GET /v1/top/links?range=30d&limit=20`."""
    settings: ApiSettings = request.app.state.settings
    with addressed(request, QUESTION) as parameters:
        format_ = chosen(request)
        answer = await ask(request, body_of(parameters, *DIMENSIONS, metrics=METRICS))
    addresses = [_address(row, settings.link_address) for row in answer["results"]]
    headers = format_.headers(title({**answer["query"], "dimensions": ["top", "links"]}))
    if format_ is JSON:
        rows = zip(answer["results"], addresses, strict=True)
        return JSONResponse({**answer, "results": [{**row, "address": address} for row, address in rows]}, 200, headers)
    table = table_of(answer).insert(len(DIMENSIONS), Column("address", Kind.TEXT), addresses)
    return Response(table.write(format_), headers=headers)


def _address(row: Mapping[str, Any], pattern: str) -> str:
    _, _, slug, domain = row["dimensions"]
    return address_of(pattern, domain, slug) if slug else ""


ROUTES = [
    Described(
        "/v1/top/links",
        get_top_links,
        get=Operation(
            "The links that were clicked most, with title, slug and address.",
            {200: in_every_format("A row a link.", TopLinks)},
            READ,
            QUESTION,
            errors=(NotAcceptable, TooExpensive, Away),
            queries=True,
        ),
    ),
]
