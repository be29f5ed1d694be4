"""Bodies of requests: JSON only, and no longer than what is taken."""

from starlette.requests import Request

from api.errors import TooLarge, UnsupportedMediaType

MAX_BODY = 4 << 20


async def json_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """The body's bytes; raises `UnsupportedMediaType` or `TooLarge`.

    Pages of other sites can send a form or plain text to an API on loopback without asking, but never this media type.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("Send JSON.", hint="Add the header `Content-Type: application/json`.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge(f"The body is longer than {limit} bytes.")
    return bytes(body)
