"""`GET /v1/positions`: where on the page or in the mail people click."""

import asyncio
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.contract.operation import Described, Operation
from api.dimensions import PLACEMENTS
from api.errors import Away, NotAcceptable, TooExpensive
from api.formats.answers import in_every_format, title
from api.formats.choose import JSON, chosen
from api.formats.table import Column, Kind, Table
from api.keys.caller import READ
from api.query.address import EXACT, FORMAT, PAGE, RANGE, addressed, body_of
from api.query.ask import ask
from api.query.shape import Meta

PARAMETERS = (*RANGE, *PAGE, EXACT, FORMAT)
METRICS = "clicks,visitors,share"
FIFTHS = PLACEMENTS[1:]
CLICK_THROUGH = "visitors of links whose position is known"


class Place(Struct, frozen=True):
    """Clicks, their visitors, and their percentage of all clicks of which the same is known."""

    value: str | int
    clicks: int
    visitors: int
    share: float | None


class Fifth(Struct, frozen=True):
    """The same of a fifth; `click_through`: the percentage of the visitors of all fifths who clicked in this one."""

    value: str
    clicks: int
    visitors: int
    share: float | None
    click_through: float | None


class Positions(Struct, frozen=True):
    """The positions, named places and fifths that were clicked, and about each of the three."""

    positions: list[Place]
    slots: list[Place]
    placements: list[Fifth]
    meta: dict[str, Meta]
    query: dict[str, Any]


async def get_positions(request: Request) -> Response:
    """Three questions at once; clicks of which nothing is known are in none of their answers."""
    with addressed(request, PARAMETERS) as parameters:
        format_ = chosen(request)
        body = {**body_of(parameters), "metrics": METRICS.split(",")}
        positions, slots, placements = await asyncio.gather(
            *(ask(request, _about(body, name)) for name in ("position", "slot", "placement"))
        )
    found = {"positions": _places(positions), "slots": _places(slots), "placements": _fifths(placements)}
    query = {**positions["query"], "dimensions": [], "filters": body["filters"]}
    headers = format_.headers(title({**query, "dimensions": ["positions"]}))
    if format_ is not JSON:
        return Response(_table(found).write(format_), headers=headers)
    placements["meta"]["percentages_of"]["click_through"] = CLICK_THROUGH
    meta = {"positions": positions["meta"], "slots": slots["meta"], "placements": placements["meta"]}
    return JSONResponse({**found, "meta": meta, "query": query}, headers=headers)


def _about(body: Mapping[str, Any], dimension: str) -> dict[str, Any]:
    known = [*body["filters"], ["exists", dimension]]
    page = {} if dimension == "placement" else body["pagination"]
    include = {"totals": True, "total_rows": True}
    return {**body, "dimensions": [dimension], "filters": known, "pagination": page, "include": include}


def _places(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = METRICS.split(",")
    return [
        {"value": row["dimensions"][0], **dict(zip(names, row["metrics"], strict=True))} for row in answer["results"]
    ]


def _fifths(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All five, those without a click too, from the top down."""
    clicks, visitors, _ = answer["meta"]["totals"]
    nothing = {"clicks": 0, "visitors": 0, "share": 0.0 if clicks else None}
    found = {place["value"]: place for place in _places(answer)}
    fifths = [{"value": name, **nothing, **found.get(name, {})} for name in FIFTHS]
    return [{**fifth, "click_through": _percentage(fifth["visitors"], visitors)} for fifth in fifths]


def _percentage(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None


def _table(found: Mapping[str, list[dict[str, Any]]]) -> Table:
    """All three below each other, told apart by their first column."""
    columns = [
        *(Column(name, Kind.TEXT) for name in ("by", "value")),
        *(Column(name, Kind.COUNT) for name in ("clicks", "visitors")),
        *(Column(name, Kind.RATIO) for name in ("share", "click_through")),
    ]
    rows = [
        [by, str(row["value"]), *(row.get(column.name) for column in columns[2:])]
        for by, part in (("position", "positions"), ("slot", "slots"), ("placement", "placements"))
        for row in found[part]
    ]
    return Table(columns, rows)


ROUTES = [
    Described(
        "/v1/positions",
        get_positions,
        get=Operation(
            "Clicks by position, slot and placement, with shares and click-through by fifths.",
            {200: in_every_format("All three; as a table below each other.", Positions)},
            READ,
            PARAMETERS,
            errors=(NotAcceptable, TooExpensive, Away),
            queries=True,
        ),
    ),
]
