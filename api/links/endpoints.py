"""Links over HTTP: make, list, show, change and delete them."""

import asyncio
import re
from typing import Annotated

from pydantic import Field
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.body import json_body
from api.contract.operation import JSON, Answer, Described, Operation, Parameter, json_answer
from api.errors import Away, BadRequest, Conflict, NotFound, StaleVersion, Unconfirmed, suggest
from api.keys.caller import LINKS, SEE_LINKS, caller_of
from api.links.book import Cursor, Wanted, cursor
from api.links.bulk import create_many
from api.links.commands import LinkChange, NewLink, NewLinks, change, creation, deletion, permit, read
from api.links.shape import BulkAnswer, LinkPage, ShownLink
from api.links.shelf import LinkShelf
from api.writes.author import author_of
from ingest.links import Link

MAX_PAGE = 1000
LIST_PARAMETERS = ("domain", "campaign", "tag", "q", "limit", "after")
_VERSION = re.compile(r'(?:W/)?"?([1-9]\d{0,9})"?')
_CURSOR = re.compile(r"(\d{1,15})-([0-9a-f]{16})")


class Links(HTTPEndpoint):
    """`/v1/links`."""

    async def post(self, request: Request) -> Response:
        """201 with the link; 409 where the slug is taken."""
        shelf = _shelf(request)
        new = read(await json_body(request), NewLink)
        command = creation(new, default_domain=shelf.settings.default_domain, reply_to=shelf.desk.reply_to)
        permit(caller_of(request), command)
        reply = await shelf.carry_out_one(command, author_of(request))
        return _answer(shelf, reply.link, status=201)

    async def get(self, request: Request) -> Response:
        """A page of links, the newest first; `next` is the address of the next page."""
        shelf = _shelf(request)
        parameters = request.query_params
        for name in parameters:
            if name not in LIST_PARAMETERS:
                raise BadRequest("There is no such parameter.", field=name, hint=suggest(name, LIST_PARAMETERS))
        wanted = Wanted(
            domain=parameters.get("domain", "").lower(),
            campaign=parameters.get("campaign", ""),
            tag=parameters.get("tag", ""),
            text=parameters.get("q", "").casefold(),
            domains=caller_of(request).domains,
        )
        limit, after = _limit(parameters.get("limit", "100")), _after(parameters.get("after"))
        page, total = await asyncio.to_thread(shelf.book.page, wanted, limit, after)
        links = [shelf.show(link) for link in page]
        return JSONResponse({"links": links, "total": total, "next": _next(request, page, limit)})


class OneLink(HTTPEndpoint):
    """`/v1/links/{id}`."""

    async def get(self, request: Request) -> Response:
        """The link, with its version as the ETag."""
        shelf = _shelf(request)
        return _answer(shelf, shelf.known(request.path_params["id"], caller_of(request)))

    async def patch(self, request: Request) -> Response:
        """The given fields are changed; 412 where `If-Match` or `if_version` is another version."""
        shelf = _shelf(request)
        wanted = read(await json_body(request), LinkChange)
        link = shelf.known(request.path_params["id"], caller_of(request))
        reply = await shelf.carry_out_one(
            change(link, wanted, _if_match(request), shelf.desk.reply_to), author_of(request)
        )
        return _answer(shelf, reply.link)

    async def delete(self, request: Request) -> Response:
        """204; 412 where `If-Match` is another version."""
        shelf = _shelf(request)
        link = shelf.known(request.path_params["id"], caller_of(request))
        await shelf.carry_out_one(deletion(link, _if_match(request), shelf.desk.reply_to), author_of(request))
        return Response(status_code=204)


async def post_bulk(request: Request) -> Response:
    """`POST /v1/links/bulk`: up to 1,000 links, an answer for each."""
    asked = read(await json_body(request), NewLinks)
    return JSONResponse(await create_many(_shelf(request), asked, author_of(request)))


_ID = Parameter("id", Annotated[str, Field(pattern="^[0-9a-f]{16}$")], "The link's id.", "path", required=True)
_GUARD = Parameter("If-Match", str, "The link's `ETag`: 412 where it is in another version by now.", "header")
_ETAG = {"ETag": "The link's version, in quotes."}
_KAFKA = (Away, Unconfirmed)
_LISTED = (
    Parameter("q", str, "Text that slug, title or destination holds."),
    Parameter("domain", str, "Host of the links."),
    Parameter("campaign", str, "Campaign of the links."),
    Parameter("tag", str, "A tag of the links."),
    Parameter("limit", Annotated[int, Field(ge=1, le=MAX_PAGE)], "Links of a page; 100 unless given."),
    Parameter("after", Annotated[str, Field(pattern=_CURSOR.pattern)], "Where the page before ended: follow `next`."),
)

ROUTES = [
    Described(
        "/v1/links",
        Links,
        get=Operation(
            "Links, the newest first.", {200: json_answer("A page.", LinkPage)}, SEE_LINKS, _LISTED, errors=(Away,)
        ),
        post=Operation(
            "A new link.",
            {201: Answer("The link.", {JSON: ShownLink}, _ETAG | {"Location": "Its address in the API."})},
            LINKS,
            body=NewLink,
            errors=(Conflict, *_KAFKA),
        ),
    ),
    Described(
        "/v1/links/bulk",
        post_bulk,
        post=Operation(
            "Up to 1,000 new links, an answer for each.",
            {200: json_answer("An answer for each, in order.", BulkAnswer)},
            LINKS,
            body=NewLinks,
            errors=_KAFKA,
            help="Each of `links` is what `POST /v1/links` takes; a bad one spoils no other.",
        ),
    ),
    Described(
        "/v1/links/{id}",
        OneLink,
        get=Operation(
            "One link.",
            {200: Answer("The link.", {JSON: ShownLink}, _ETAG)},
            SEE_LINKS,
            (_ID,),
            errors=(NotFound, Away),
        ),
        patch=Operation(
            "Change the given fields; `If-Match` guards it.",
            {200: Answer("The link as it is now.", {JSON: ShownLink}, _ETAG)},
            LINKS,
            (_ID, _GUARD),
            LinkChange,
            (NotFound, StaleVersion, *_KAFKA),
        ),
        delete=Operation(
            "Delete a link; `If-Match` guards it.",
            {204: Answer("It is deleted.")},
            LINKS,
            (_ID, _GUARD),
            errors=(NotFound, StaleVersion, *_KAFKA),
        ),
    ),
]


def _shelf(request: Request) -> LinkShelf:
    shelf: LinkShelf = request.app.state.links
    return shelf


def _answer(shelf: LinkShelf, link: Link | None, status: int = 200) -> Response:
    """A link with its ETag and, where it is new, its address."""
    if link is None:
        raise AssertionError("a reply of 200 or 201 carries the link")
    headers = {"etag": f'"{link.version}"'}
    if status == 201:
        headers["location"] = f"/v1/links/{link.id}"
    return JSONResponse(shelf.show(link), status, headers)


def _if_match(request: Request) -> int | None:
    """The version in `If-Match`; none where any is right."""
    header = request.headers.get("if-match", "*").strip()
    if header == "*":
        return None
    if match := _VERSION.fullmatch(header):
        return int(match[1])
    raise BadRequest("This is no version.", field="If-Match", hint='Send the ETag of the link, as `"3"`.')


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_PAGE):
        raise BadRequest(f"A page has 1 to {MAX_PAGE} links.", field="limit")
    return int(text)


def _after(text: str | None) -> Cursor | None:
    if text is None:
        return None
    if match := _CURSOR.fullmatch(text):
        return int(match[1]), match[2]
    raise BadRequest("This is no place in a list.", field="after", hint="Follow `next` of the page before.")


def _next(request: Request, page: list[Link], limit: int) -> str | None:
    if len(page) < limit:
        return None
    made, id_ = cursor(page[-1])
    url = request.url.include_query_params(after=f"{made}-{id_}")
    return f"{url.path}?{url.query}"
