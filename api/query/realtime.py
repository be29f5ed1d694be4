"""`GET /v1/realtime`: the last thirty minutes by the minute, and who is there now."""

import asyncio
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from api.contract.operation import Described, Operation
from api.errors import Away, NotAcceptable, TooExpensive
from api.formats.answers import in_every_format, respond
from api.formats.choose import chosen
from api.keys.caller import READ
from api.query.address import EXACT, FILTER, FILTERS, FORMAT, ZONE, addressed, filters_of, is_exact
from api.query.ask import ask
from api.query.shape import QueryAnswer

MINUTES = 30
CURRENT_MINUTES = 5
METRICS = ("clicks", "visitors", "suspects", "bots")
PARAMETERS = (FILTER, FILTERS, ZONE, EXACT, FORMAT)


async def get_realtime(request: Request) -> Response:
    """Thirty rows, the last one the minute that runs; `meta.totals` is of all of them."""
    with addressed(request, PARAMETERS) as parameters:
        format_ = chosen(request)
        asked = {
            "filters": filters_of(parameters),
            "time_zone": parameters.get("time_zone", ""),
            "exact": is_exact(parameters),
        }
        by_minute = {
            **asked,
            "metrics": METRICS,
            "dimensions": ["time:minute"],
            "date_range": _range(datetime.now(UTC)),
            "include": {"totals": True, "empty_buckets": True},
        }
        current = {**asked, "metrics": ["visitors"], "date_range": f"{CURRENT_MINUTES}min"}
        answer, now = await asyncio.gather(ask(request, by_minute), ask(request, current))
    answer["meta"]["current_visitors"] = now["results"][0]["metrics"][0]
    return respond(answer, format_)


def _range(now: datetime) -> list[str]:
    """Whole minutes, the running one to its end."""
    end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return [(end - timedelta(minutes=MINUTES)).isoformat(), end.isoformat()]


ROUTES = [
    Described(
        "/v1/realtime",
        get_realtime,
        get=Operation(
            "The last thirty minutes by the minute, and current visitors.",
            {200: in_every_format("A row a minute.", QueryAnswer)},
            READ,
            PARAMETERS,
            errors=(NotAcceptable, TooExpensive, Away),
            queries=True,
            help=f"`meta.current_visitors`: visitors of the last {CURRENT_MINUTES} minutes.",
        ),
    ),
]
