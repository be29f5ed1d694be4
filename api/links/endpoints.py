"""Links over HTTP: make, list, show, change and delete them."""

import asyncio
import re

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.body import json_body
from api.errors import BadRequest, suggest
from api.links.book import Cursor, Wanted, cursor
from api.links.bulk import create_many
from api.links.commands import LinkChange, NewLink, NewLinks, change, creation, deletion, read
from api.links.shelf import LinkShelf
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
        reply = await shelf.carry_out_one(command)
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
        )
        limit, after = _limit(parameters.get("limit", "100")), _after(parameters.get("after", ""))
        page, total = await asyncio.to_thread(shelf.book.page, wanted, limit, after)
        links = [shelf.show(link) for link in page]
        return JSONResponse({"links": links, "total": total, "next": _next(request, page, limit)})


class OneLink(HTTPEndpoint):
    """`/v1/links/{id}`."""

    async def get(self, request: Request) -> Response:
        """The link, with its version as the ETag."""
        shelf = _shelf(request)
        return _answer(shelf, shelf.known(request.path_params["id"]))

    async def patch(self, request: Request) -> Response:
        """The given fields are changed; 412 where `If-Match` or `if_version` is another version."""
        shelf = _shelf(request)
        wanted = read(await json_body(request), LinkChange)
        link = shelf.known(request.path_params["id"])
        reply = await shelf.carry_out_one(change(link, wanted, _if_match(request), shelf.desk.reply_to))
        return _answer(shelf, reply.link)

    async def delete(self, request: Request) -> Response:
        """204; 412 where `If-Match` is another version."""
        shelf = _shelf(request)
        link = shelf.known(request.path_params["id"])
        await shelf.carry_out_one(deletion(link, _if_match(request), shelf.desk.reply_to))
        return Response(status_code=204)


async def post_bulk(request: Request) -> Response:
    """`POST /v1/links/bulk`: up to 1,000 links, an answer for each."""
    return JSONResponse(await create_many(_shelf(request), read(await json_body(request), NewLinks)))


ROUTES = [
    Route("/v1/links", Links),
    Route("/v1/links/bulk", post_bulk, methods=["POST"]),
    Route("/v1/links/{id}", OneLink),
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


def _after(text: str) -> Cursor | None:
    if not text:
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
