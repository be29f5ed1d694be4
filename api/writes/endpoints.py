"""`GET /v1/audit-log`: who changed what, when, with which key."""

import re
from typing import Annotated, Any
from uuid import UUID

from msgspec import Struct
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.contract.operation import Described, Operation, Parameter, json_answer
from api.errors import Away, BadRequest
from api.keys.caller import ADMIN
from api.query.address import addressed, whole
from api.query.run import Warehouse
from api.query.statement import Statement
from api.writes.entry import PAGE, Write

MAX_PAGE = 1000
_CURSOR = re.compile(r"^(\d{1,15})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
PARAMETERS = (
    Parameter("object", str, "Id of a link or a key: what was changed."),
    Parameter("key", str, "Id of the key that changed it."),
    Parameter("limit", Annotated[int, Field(ge=1, le=MAX_PAGE)], "Lines of a page; 100 unless given."),
    Parameter("after", Annotated[str, Field(pattern=_CURSOR.pattern)], "Where the page before ended: follow `next`."),
)


class WriteLine(Struct, frozen=True):
    """One write."""

    at: str
    id: str
    action: str
    """`link.create`, `link.update`, `link.delete`, `key.add`, `key.revoke`."""
    object: str
    domain: str
    status: int
    key_id: str
    key_name: str
    request_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class WritePage(Struct, frozen=True):
    """A page of the audit log, the newest first."""

    writes: list[WriteLine]
    next: str | None
    """Address of the next page."""


async def audit_log(request: Request) -> Response:
    """A page of writes, the newest first."""
    with addressed(request, PARAMETERS) as parameters:
        limit = whole(parameters.get("limit", "100"), "limit")
        if not 1 <= limit <= MAX_PAGE:
            raise BadRequest(f"A page has 1 to {MAX_PAGE} lines.", field="limit")
        before, before_id = _after(parameters.get("after"))
    bound = {"object": parameters.get("object", ""), "key": parameters.get("key", ""), "limit": limit}
    warehouse: Warehouse = request.app.state.warehouse
    found = await warehouse.fetch(Statement(PAGE, {**bound, "before": before, "before_id": before_id}))
    writes = [Write(**dict(zip(found.columns, values, strict=True))) for values in found.values]
    return JSONResponse({"writes": [write.shown() for write in writes], "next": _next(request, writes, limit)})


ROUTES = [
    Described(
        "/v1/audit-log",
        audit_log,
        get=Operation(
            "Who changed which link or key, when, and what was there before and after.",
            {200: json_answer("A page, the newest first.", WritePage)},
            ADMIN,
            PARAMETERS,
            errors=(Away,),
            queries=True,
        ),
    )
]


def _after(text: str | None) -> tuple[int, str]:
    if text is None:
        return 0, str(UUID(int=0))
    if match := _CURSOR.fullmatch(text):
        return int(match[1]), match[2]
    raise BadRequest("This is no place in a list.", field="after", hint="Follow `next` of the page before.")


def _next(request: Request, page: list[Write], limit: int) -> str | None:
    if len(page) < limit:
        return None
    at, id_ = page[-1].moment, page[-1].id
    url = request.url.include_query_params(after=f"{at}-{id_}")
    return f"{url.path}?{url.query}"
