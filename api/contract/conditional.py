"""`If-None-Match`: what the client has already is not sent again (RFC 9110, 13.1.2)."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Scope, Send


def unless_known(scope: Scope, send: Send) -> Send:
    """`send` that makes a 304 of an answer to GET or HEAD whose `ETag` the request names; else `send` itself."""
    known = Headers(scope=scope).get("if-none-match", "")
    if not known or scope["method"] not in {"GET", "HEAD"}:
        return send
    tags = {_opaque(part) for part in known.split(",")}
    skipping = False

    async def sending(message: Message) -> None:
        nonlocal skipping
        if message["type"] == "http.response.start" and message["status"] == 200:
            headers = MutableHeaders(scope=message)
            tag = headers.get("etag")
            if skipping := tag is not None and not tags.isdisjoint({_opaque(tag), "*"}):
                for name in ("content-length", "content-type", "content-disposition"):
                    del headers[name]
                message = {**message, "status": 304, "headers": headers.raw}
        elif skipping:
            if message.get("more_body"):
                return
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return sending


def _opaque(tag: str) -> str:
    """A tag as it is compared: whether it is weak says nothing here."""
    return tag.strip().removeprefix("W/")
