"""`GET /v1/live`: figures and newest clicks as they come."""

import json
import time
from datetime import UTC, datetime
from functools import partial

from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request

from api.contract.operation import Answer, Described, Operation, Parameter
from api.errors import ApiError, Away, BadRequest, TooMany
from api.keys.admission import Admission
from api.keys.caller import READ, caller_of
from api.live.ask import LiveQuestion
from api.live.hub import Hub
from api.live.stream import Followed
from api.query.address import FILTER, FILTERS, addressed, filters_of
from api.settings import ApiSettings


class LiveEvent(Struct, frozen=True):
    """One event: `data` is JSON text, by the event's name a list of clicks, figures or an error."""

    event: str
    data: str
    id: str | UnsetType = UNSET


PARAMETERS = (
    FILTER,
    FILTERS,
    Parameter("Last-Event-ID", str, "The last `id` that was seen; browsers send it by themselves.", "header"),
)


async def get_live(request: Request) -> Followed:
    """`GET /v1/live?filter=channel=Email`."""
    settings: ApiSettings = request.app.state.settings
    hub: Hub = request.app.state.live
    with addressed(request, PARAMETERS) as parameters:
        filters = json.dumps(filters_of(parameters))
        question = LiveQuestion(filters, caller_of(request).conditions(), settings.time_zone)
        question.check()
        last = _last(request.headers.get("last-event-id", ""))
    feed = hub.feed(question, partial(question.ask, request.app.state.executor))
    return Followed(feed, last, is_let_in=partial(_is_let_in, request))


def _last(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadRequest("This is no id of an event.", field="Last-Event-ID")
    return int(text)


def _is_let_in(request: Request) -> bool:
    """Whether the key is still good: a feed outlives it otherwise."""
    admission: Admission = request.app.state.admission
    try:
        admitted = admission.admit(request.headers.get("authorization", ""), now=datetime.now(UTC), at=time.monotonic())
    except ApiError:
        return False
    return admitted == caller_of(request)


ROUTES = [
    Described(
        "/v1/live",
        get_live,
        get=Operation(
            "Figures of the last minute and a sample of the newest clicks, each second (server-sent events).",
            {200: Answer("Events `figures`, `clicks` and `trouble`.", {"text/event-stream": LiveEvent})},
            READ,
            PARAMETERS,
            errors=(Away, TooMany),
        ),
    ),
]
