"""Server-sent events to one client: heartbeats, and an end for those who are too slow, gone or no longer let in."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, suppress

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.attended import while_attended
from api.live.feed import Feed, TooSlow
from api.live.tick import Tick

BEAT_SECONDS = 5.0
"""After so long without a tick a comment is sent, so that neither side takes the other for dead."""
SEND_SECONDS = 10.0
"""A client that takes nothing for so long is given up."""
RETRY_MILLISECONDS = 2000
HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would collect it
}

log = structlog.get_logger()


class Followed(Response):
    """The events of a feed, from the one after `last` on."""

    def __init__(
        self, feed: AbstractAsyncContextManager[Feed], last: int | None, *, is_let_in: Callable[[], bool]
    ) -> None:
        self.status_code = 200
        self._feed, self._last, self._is_let_in = feed, last, is_let_in
        self.init_headers(HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one of the two ends it."""
        if scope["method"] == "HEAD":
            await Response(headers=HEADERS)(scope, receive, send)
            return
        async with self._feed as feed:
            await while_attended(self._send(feed, send), receive)

    async def _send(self, feed: Feed, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _part(send, f"retry: {RETRY_MILLISECONDS}\n\n".encode())
        try:
            async with aclosing(beating(feed.follow(self._last))) as parts:
                async for part in parts:
                    if not self._is_let_in():
                        break
                    async with asyncio.timeout(SEND_SECONDS):
                        await _part(send, part)
        except (TooSlow, TimeoutError):
            log.info("a follower of the live feed was too slow")
            return  # without an end, upon which the server cuts the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def beating(ticks: AsyncIterator[Tick]) -> AsyncGenerator[bytes, None]:
    """The ticks' events, and a comment where none comes for `BEAT_SECONDS`."""
    waiting = _next(ticks)
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=BEAT_SECONDS)
            if not done:
                yield b": still here\n\n"
                continue
            if (tick := waiting.result()) is None:
                return
            yield tick.body
            waiting = _next(ticks)
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting


def _next(ticks: AsyncIterator[Tick]) -> asyncio.Future[Tick | None]:
    return asyncio.ensure_future(anext(ticks, None))


async def _part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
