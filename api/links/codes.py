"""`GET /v1/links/{id}/qr.svg|png`: QR codes of links over HTTP."""

import asyncio
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.contract.operation import Answer, Described, Operation, Parameter
from api.errors import Away, NotFound
from api.keys.caller import SEE_LINKS, caller_of
from api.links.qr import KINDS, LARGEST, LEVELS, MAX_MARGIN, SMALLEST, draw, etag, look_of
from api.links.shelf import LinkShelf

SECONDS = 86_400
"""How long a client may keep an image without asking: a link's domain and slug never change."""

_PARAMETERS = (
    Parameter("id", str, "The link's id.", "path", required=True),
    Parameter("size", Annotated[int, Field(ge=SMALLEST, le=LARGEST)], "Pixels of a side; 512 unless given."),
    Parameter("margin", Annotated[int, Field(ge=0, le=MAX_MARGIN)], "Empty modules around the code; 4 unless given."),
    Parameter("error", Literal[*LEVELS], "Error correction: 7, 15, 25 or 30%; `M` unless given."),
    Parameter("dark", str, "Colour of the modules, as `0a64c8`; black unless given."),
    Parameter("light", str, "Colour of the ground, or `transparent`; white unless given."),
)


async def get_code(request: Request) -> Response:
    """The image, or 304 where `If-None-Match` says that the client has it."""
    shelf: LinkShelf = request.app.state.links
    kind = request.url.path.rpartition(".")[2]
    look = look_of(request.query_params)
    link = shelf.known(request.path_params["id"], caller_of(request))
    address = shelf.show(link)["address"]
    tag = etag(address, kind, look)
    headers = {"etag": tag, "cache-control": f"private, max-age={SECONDS}"}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in known.split(",")}:
        return Response(status_code=304, headers=headers)
    headers["content-disposition"] = f'inline; filename="{link.id}.{kind}"'
    return Response(await asyncio.to_thread(draw, address, kind, look), headers=headers, media_type=KINDS[kind])


ROUTES = [
    Described(
        f"/v1/links/{{id}}/qr.{kind}",
        get_code,
        get=Operation(
            f"A QR code of the link, as {kind.upper()}.",
            {200: Answer("The image.", {media: str if kind == "svg" else None}, {"ETag": "Of the image."})},
            SEE_LINKS,
            _PARAMETERS,
            errors=(NotFound, Away),
            help="It carries the link's address with `w_qr=1`, by which a scan is told from a click.",
        ),
    )
    for kind, media in KINDS.items()
]
