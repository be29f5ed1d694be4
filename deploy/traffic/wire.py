"""One HTTP/1.1 connection that is kept alive: a request out, its answer in, nothing in between.

A client of its own because the load must not be slower than what it loads: on the machine where it was written this
one sends 12,000 requests/s on one core, and nothing else it needs to know of HTTP is here. Responses are read by
httptools (llhttp).
"""

import asyncio
import time
from typing import NamedTuple

import httptools

from deploy.traffic.request import Request

CLICK_ID_HEADER = b"x-click-id"
STALE_SECONDS = 2.0
"""A connection that has been idle for longer is not used again: servers close theirs after five seconds (uvicorn's
default), and a request that crosses that close would be lost without anyone's fault."""


class Unanswered(ConnectionError):
    """The connection went before an answer was there; whether the request was taken is unknown."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    click_id: str
    """Of the header `X-Click-Id`, where the redirector shows it; else empty."""


def encode(request: Request, domain: str) -> bytes:
    """The request as bytes, for the redirector of `domain`."""
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {domain}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.method not in {"GET", "HEAD"}:
        lines.append("Content-Length: 0")
    return "\r\n".join((*lines, "", "")).encode("latin-1")


class Connection(asyncio.Protocol):
    """A connection with at most one request in flight."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._used = 0.0

    async def ask(self, host: str, port: int, request: bytes) -> Answer:
        """Send one request and wait for its answer; raises `Unanswered`, or `OSError` where none can be connected."""
        transport = await self._ready(host, port)
        self._parser = httptools.HttpResponseParser(self)
        self._bodiless = request.startswith(b"HEAD ")
        self._click_id = ""
        self._answer = asyncio.get_running_loop().create_future()
        transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close it; a request in flight is unanswered."""
        if self._transport:
            self._transport.close()
            self._transport = None

    async def _ready(self, host: str, port: int) -> asyncio.Transport:
        if self._transport and (self._transport.is_closing() or time.monotonic() - self._used > STALE_SECONDS):
            self.close()
        if self._transport is None:
            self._transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        return self._transport

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"no HTTP answer: {error}")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._transport = None
        self._fail(f"the connection was closed before an answer{f': {exc}' if exc else ''}")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        if name.lower() == CLICK_ID_HEADER:
            self._click_id = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Called by the parser, which does not know that an answer to HEAD has no body."""
        if self._bodiless:
            self.on_message_complete()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._used = time.monotonic()
        if self._answer and not self._answer.done():
            self._answer.set_result(Answer(self._parser.get_status_code(), self._click_id))
        if not self._bodiless and not self._parser.should_keep_alive():
            self.close()

    def _fail(self, reason: str) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(Unanswered(reason))
