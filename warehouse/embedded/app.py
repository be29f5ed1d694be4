"""ClickHouse's HTTP interface before the embedded engine, as an ASGI application.

An answer of up to `WHOLE` bytes is complete before its first byte is sent, so its status and summary say how the query
ended. A longer one is streamed through a pipe as the engine makes it; where it fails half-way, the error stands at the
end of the body as ClickHouse writes it, and the connection is broken so that nobody takes it for whole.
"""

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from warehouse.embedded import requests
from warehouse.embedded.compression import Encoder, choose
from warehouse.embedded.engine import Engine, Outcome, Query
from warehouse.embedded.errors import QueryError
from warehouse.embedded.pipe import Pipe
from warehouse.embedded.requests import Call
from warehouse.embedded.settings import EmbeddedSettings
from warehouse.embedded.statement import Kind

log = structlog.get_logger()

WHOLE = 1024 * 1024
SEND_SECONDS = 60
"""A client that takes nothing for so long is given up."""
KILL_SECONDS = 0.2

_CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "Pretty": "text/plain; charset=UTF-8",
    "Vertical": "text/plain; charset=UTF-8",
    "Markdown": "text/markdown; charset=UTF-8",
}


class Warehouse:
    """The engine behind HTTP; its methods answer one request each."""

    def __init__(self, engine: Engine, settings: EmbeddedSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._endings: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a query."""
        request = Request(scope, receive)
        try:
            reader = requests.authenticate(request, self._settings)
            if request.method == "GET" and "query" not in request.query_params:
                await PlainTextResponse("Ok.\n")(scope, receive, send)
                return
            call = await requests.read(request, reader=reader)
        except QueryError as error:
            await self._refusal(error)(scope, receive, send)
        except ClientDisconnect:
            log.info("a client went away before its query was whole")
        else:
            await self._attended(call, request, send)

    async def _attended(self, call: Call, request: Request, send: Send) -> None:
        """Answer, and end a SELECT whose client goes away; anything else runs on, as in ClickHouse."""
        answer = asyncio.create_task(self._answer(call, request, send))
        gone = asyncio.create_task(_gone(request.receive))
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() and call.query.statement.kind is Kind.SELECT:
            answer.cancel()
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answer

    async def _answer(self, call: Call, request: Request, send: Send) -> None:
        encoding = (
            ""
            if call.query.settings.get("enable_http_compression") == "0"
            else choose(request.headers.get("accept-encoding", ""))
        )
        with contextlib.ExitStack() as stack:
            if call.data:
                stack.enter_context(call.data)
            try:
                if call.query.statement.kind is Kind.SELECT:
                    await self._stream(call.query, encoding, request, send)
                    return
                outcome = await asyncio.wrap_future(self._submit(call))
            except QueryError as error:
                await self._refusal(error, call.query)(request.scope, request.receive, send)
                return
        response = self._whole(call.query, outcome, outcome.answer, encoding)
        await response(request.scope, request.receive, send)

    def _submit(self, call: Call) -> Future[Outcome]:
        engine = self._engine
        if call.data is not None:
            return engine.queries.submit(engine.insert, call.query, call.data)
        pool = engine.control if call.query.statement.kind is Kind.KILL else engine.queries
        return pool.submit(engine.run, call.query)

    async def _stream(self, query: Query, encoding: str, request: Request, send: Send) -> None:
        async with Pipe() as pipe:
            future = self._engine.queries.submit(self._engine.select, query, pipe.writer)
            try:
                start = bytearray()
                async for chunk in pipe:
                    start += chunk
                    if len(start) > WHOLE:
                        break
                else:
                    outcome = await asyncio.wrap_future(future)
                    response = self._whole(query, outcome, bytes(start), encoding)
                    await response(request.scope, request.receive, send)
                    return
                await self._streamed(query, _Sender(send, encoding), bytes(start), pipe, future)
            finally:
                if future.cancel():
                    os.close(pipe.writer)
                elif not future.done():
                    self._end(query, future)

    async def _streamed(
        self, query: Query, sender: "_Sender", start: bytes, pipe: Pipe, future: Future[Outcome]
    ) -> None:
        tag = secrets.token_hex(8)
        await sender.start(self._headers(query) | {"X-ClickHouse-Exception-Tag": tag})
        await sender.feed(start)
        async for chunk in pipe:
            await sender.feed(chunk)
        try:
            await asyncio.wrap_future(future)
        except QueryError as error:
            message = error.body(self._engine.version)
            block = f"\r\n__exception__\r\n{tag}\r\n{message}{len(message.encode())} {tag}\r\n__exception__\r\n"
            await sender.feed(block.encode())
            await sender.end(broken=True)
        else:
            await sender.end()

    def _end(self, query: Query, future: Future[Outcome]) -> None:
        """Kill a query that nobody reads, again until it is gone: it may be waiting for its turn still."""

        async def kill() -> None:
            while not future.done():
                await asyncio.wrap_future(self._engine.control.submit(self._engine.kill, query))
                await asyncio.wait({asyncio.wrap_future(future)}, timeout=KILL_SECONDS)

        task = asyncio.create_task(kill())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    def _whole(self, query: Query, outcome: Outcome, answer: bytes, encoding: str) -> Response:
        headers = self._headers(query) | {"X-ClickHouse-Summary": _summary(outcome, len(answer))}
        if encoding and answer:
            encoder = Encoder(encoding)
            answer = encoder.feed(answer) + encoder.end()
            headers["Content-Encoding"] = encoding
        return Response(answer, headers=headers)

    def _headers(self, query: Query) -> dict[str, str]:
        headers = {
            "X-ClickHouse-Query-Id": query.id,
            "X-ClickHouse-Timezone": self._engine.timezone,
            "X-ClickHouse-Server-Display-Name": "weir-embedded",
            "Cache-Control": "no-store",
            "Content-Type": "text/plain; charset=UTF-8",
        }
        if query.statement.kind in {Kind.SELECT, Kind.SHOW, Kind.KILL}:
            name = query.statement.format or query.default_format
            headers["X-ClickHouse-Format"] = name
            found = (kind for start, kind in _CONTENT_TYPES.items() if name.startswith(start))
            headers["Content-Type"] = next(found, "application/octet-stream")
        return headers

    def _refusal(self, error: QueryError, query: Query | None = None) -> Response:
        headers = {
            "X-ClickHouse-Exception-Code": str(error.code),
            "X-ClickHouse-Server-Display-Name": "weir-embedded",
            "X-ClickHouse-Timezone": self._engine.timezone,
        }
        if query:
            headers["X-ClickHouse-Query-Id"] = query.id
        if error.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        return PlainTextResponse(error.body(self._engine.version), error.status, headers)


class _Sender:
    """The streamed body of an answer. A client that takes nothing for `SEND_SECONDS` raises `TimeoutError`."""

    def __init__(self, send: Send, encoding: str) -> None:
        self._send = send
        self._encoding = encoding
        self._encoder = Encoder(encoding)

    async def start(self, headers: dict[str, str]) -> None:
        if self._encoding:
            headers = headers | {"Content-Encoding": self._encoding}
        raw = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": raw})

    async def feed(self, chunk: bytes) -> None:
        if encoded := self._encoder.feed(chunk):
            async with asyncio.timeout(SEND_SECONDS):
                await self._send({"type": "http.response.body", "body": encoded, "more_body": True})

    async def end(self, *, broken: bool = False) -> None:
        """Send the rest; `broken` leaves the answer without its end, upon which the server cuts the connection."""
        await self._send({"type": "http.response.body", "body": self._encoder.end(), "more_body": broken})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _summary(outcome: Outcome, result_bytes: int) -> str:
    """As ClickHouse writes it: every number a string."""
    return json.dumps(
        {
            "read_rows": str(outcome.read_rows),
            "read_bytes": str(outcome.read_bytes),
            "written_rows": str(outcome.written_rows),
            "written_bytes": str(outcome.written_bytes),
            "total_rows_to_read": str(outcome.read_rows),
            "result_rows": str(outcome.result_rows or outcome.written_rows),
            "result_bytes": str(result_bytes),
            "elapsed_ns": str(outcome.elapsed_ns),
        },
        separators=(",", ":"),
    )


async def _ok(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


def make_app(settings: EmbeddedSettings, engine: Engine, on_ready: Callable[[], None] = lambda: None) -> Starlette:
    """The application; it opens the engine when it starts and closes it when the last query is answered."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        on_ready()
        yield

    query = Route("/", Warehouse(engine, settings), methods=["GET", "POST"])
    health = [Route("/ping", _ok), Route("/replicas_status", _ok)]
    return Starlette(routes=[query, *health], lifespan=lifespan)
