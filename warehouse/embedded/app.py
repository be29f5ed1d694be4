"""ClickHouse's HTTP interface before the embedded engine, as an ASGI application.

An answer of up to `WHOLE` bytes is complete before its first byte is sent, so its status and summary say how the query
ended. A longer one is streamed through a pipe as the engine makes it; where it fails half-way, the error stands at the
end of the body as ClickHouse writes it, and the connection is broken so that nobody takes it for whole.

Left out, and said so when asked for: external tables, `compress=1` (ClickHouse's own framing of answers, where
Content-Encoding is there), and what Native has beyond client protocol version 54453. Sessions (`session_id`) are taken
and ignored: every request stands alone, so temporary tables and SET end with it.
"""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator
from concurrent.futures import Future

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from warehouse.embedded import answers, requests
from warehouse.embedded.compression import choose
from warehouse.embedded.engine import Engine, Outcome, Query
from warehouse.embedded.errors import QueryError
from warehouse.embedded.pipe import Pipe
from warehouse.embedded.requests import Call
from warehouse.embedded.settings import EmbeddedSettings
from warehouse.embedded.statement import Kind

log = structlog.get_logger()

WHOLE = 1024 * 1024
KILL_SECONDS = 0.2


class Warehouse:
    """The engine behind HTTP; an ASGI application for queries."""

    def __init__(self, engine: Engine, settings: EmbeddedSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._killing: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            reader = requests.authenticate(request, self._settings)
            if request.method == "GET" and "query" not in request.query_params:
                await PlainTextResponse("Ok.\n")(scope, receive, send)
                return
            call = await requests.read(request, reader=reader, spool=self._engine.spool)
        except QueryError as error:
            await answers.refusal(self._engine, error)(scope, receive, send)
        except ClientDisconnect:
            log.info("a client went away before its query was whole")
        else:
            await self._attended(call, request, send)

    async def settle(self) -> None:
        """Return when the queries that nobody reads are ended."""
        await asyncio.gather(*self._killing)

    async def _attended(self, call: Call, request: Request, send: Send) -> None:
        """Answer, and end a SELECT whose client goes away; anything else runs on, as in ClickHouse."""
        answer = asyncio.create_task(self._answer(call, request, send))
        gone = asyncio.create_task(_gone(request.receive))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if call.query.statement.kind is Kind.SELECT and not answer.done():
                answer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answer
        finally:
            gone.cancel()
            answer.cancel()

    async def _answer(self, call: Call, request: Request, send: Send) -> None:
        query = call.query
        wanted = query.settings.get("enable_http_compression") != "0"
        encoding = choose(request.headers.get("accept-encoding", "")) if wanted else ""
        try:
            if query.statement.kind is Kind.SELECT:
                await self._select(query, encoding, request, send)
                return
            outcome = await asyncio.wrap_future(self._submit(call))
        except QueryError as error:
            response = answers.refusal(self._engine, error, query)
        else:
            response = answers.whole(self._engine, query, outcome, outcome.answer, encoding)
        await response(request.scope, request.receive, send)

    def _submit(self, call: Call) -> Future[Outcome]:
        engine = self._engine
        if call.data is not None:
            return engine.queries.submit(engine.insert, call.query, call.data)
        pool = engine.control if call.query.statement.kind is Kind.KILL else engine.queries
        return pool.submit(engine.run, call.query)

    async def _select(self, query: Query, encoding: str, request: Request, send: Send) -> None:
        async with Pipe() as pipe:
            future = self._engine.queries.submit(self._engine.select, query, pipe.writer)
            try:
                start = bytearray()
                async for chunk in pipe:
                    start += chunk
                    if len(start) > WHOLE:
                        await self._stream(query, answers.Stream(send, encoding), bytes(start), pipe, future)
                        return
                outcome = await asyncio.wrap_future(future)
                response = answers.whole(self._engine, query, outcome, bytes(start), encoding)
                await response(request.scope, request.receive, send)
            finally:
                if future.cancel():
                    os.close(pipe.writer)
                elif not future.done():
                    self._abandon(query, future)

    async def _stream(
        self, query: Query, stream: answers.Stream, start: bytes, pipe: Pipe, future: Future[Outcome]
    ) -> None:
        tag = secrets.token_hex(8)
        headers = answers.headers(self._engine, query, has_answer=True)
        await stream.start(headers | {"X-ClickHouse-Exception-Tag": tag})
        await stream.feed(start)
        async for chunk in pipe:
            await stream.feed(chunk)
        try:
            await asyncio.wrap_future(future)
        except QueryError as error:
            log.warning("a query failed while its answer was sent", query_id=query.id, code=error.code)
            await stream.fail(tag, error.body(self._engine.version))
        else:
            await stream.end()

    def _abandon(self, query: Query, future: Future[Outcome]) -> None:
        """Kill a query that nobody reads, until it is gone: it may not have reached the engine yet."""

        async def kill() -> None:
            while not future.done():
                await asyncio.wrap_future(self._engine.control.submit(self._engine.kill, query))
                await asyncio.wait({asyncio.wrap_future(future)}, timeout=KILL_SECONDS)

        task = asyncio.create_task(kill())
        self._killing.add(task)
        task.add_done_callback(self._killing.discard)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _ok(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


def make_app(settings: EmbeddedSettings, engine: Engine) -> Starlette:
    """The application before an open engine."""
    warehouse = Warehouse(engine, settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await warehouse.settle()

    health = [Route("/ping", _ok), Route("/replicas_status", _ok)]
    return Starlette(routes=[Route("/", warehouse, methods=["GET", "POST"]), *health], lifespan=lifespan)
