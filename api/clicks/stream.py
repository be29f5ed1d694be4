"""An answer that is handed on as ClickHouse makes it: memory stays flat, and a part is never taken for the whole."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.attended import while_attended
from api.errors import Away
from api.query.run import FAILURES

HELD_BACK = 32 << 10
"""Bytes at the end that are sent last: where ClickHouse fails half-way it writes its error there, up to 16 KiB."""
_MARK = b"\r\n__exception__\r\n"

log = structlog.get_logger()


class Broken(Exception):
    """ClickHouse ended the answer with an error."""


class Streamed(Response):
    """Sends what ClickHouse sends, between a beginning and an end.

    What fails before the first byte is raised, so that it is answered as an error. What fails later breaks the
    connection: the answer stays without its end. A client that goes away ends the query.
    """

    def __init__(
        self,
        chunks: AbstractAsyncContextManager[AsyncIterator[bytes]],
        headers: Mapping[str, str],
        *,
        start: bytes = b"",
        end: bytes = b"",
    ) -> None:
        self._chunks, self._start, self._end = chunks, start, end
        self.status_code = 200
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it, unless the client goes away first."""
        if scope["method"] == "HEAD":
            await self._begin(send)
            await send({"type": "http.response.body", "body": b""})
            return
        await while_attended(self._send(send), receive)

    async def _send(self, send: Send) -> None:
        async with self._chunks as chunks:
            try:
                first = await anext(chunks, b"")
            except FAILURES as error:
                raise Away("ClickHouse went away before it had an answer.", what="clickhouse") from error
            await self._begin(send)
            try:
                await _part(send, self._start)
                async for chunk in sound(first, chunks):
                    await _part(send, chunk)
            except (*FAILURES, Broken) as error:
                log.warning("stream_broken", error=str(error)[:1000])
                return  # without an end, upon which the server cuts the connection
        await send({"type": "http.response.body", "body": self._end, "more_body": False})

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})


async def sound(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks without an error at their end; raises `Broken` in its place. Some bytes are held back until then."""
    held = bytearray(first)
    async for chunk in rest:
        held += chunk
        if len(held) > 2 * HELD_BACK:
            yield bytes(held[:-HELD_BACK])
            del held[:-HELD_BACK]
    if held.endswith(_MARK) and held.count(_MARK) > 1:
        raise Broken(held[held.index(_MARK) :].decode(errors="replace"))
    yield bytes(held)


async def _part(send: Send, body: bytes) -> None:
    if body:
        await send({"type": "http.response.body", "body": body, "more_body": True})
