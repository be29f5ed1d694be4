"""Answers as ClickHouse's HTTP interface gives them: headers, whole answers, streamed ones, errors."""

import asyncio
import json

from starlette.responses import PlainTextResponse, Response
from starlette.types import Send

from warehouse.embedded.compression import Encoder
from warehouse.embedded.engine import Engine, Outcome, Query
from warehouse.embedded.errors import QueryError
from warehouse.embedded.statement import Kind

NAME = "weir-embedded"
SEND_SECONDS = 60
"""A client that takes nothing for so long is given up."""

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


def headers(engine: Engine, query: Query, *, has_answer: bool) -> dict[str, str]:
    """What every answer to a query says; only one with an answer names a format, as clients rely on."""
    found = {
        "X-ClickHouse-Query-Id": query.id,
        "X-ClickHouse-Timezone": engine.timezone,
        "X-ClickHouse-Server-Display-Name": NAME,
        "Cache-Control": "no-store",
        "Content-Type": "text/plain; charset=UTF-8",
    }
    if has_answer or query.statement.kind in {Kind.SELECT, Kind.SHOW}:
        name = query.statement.format or query.default_format
        kinds = (kind for start, kind in _CONTENT_TYPES.items() if name.startswith(start))
        found |= {"X-ClickHouse-Format": name, "Content-Type": next(kinds, "application/octet-stream")}
    return found


def whole(engine: Engine, query: Query, outcome: Outcome, body: bytes, encoding: str) -> Response:
    """A complete answer, with the summary of what was read and written."""
    found = headers(engine, query, has_answer=bool(body)) | {"X-ClickHouse-Summary": _summary(outcome, len(body))}
    if encoding and body:
        encoder = Encoder(encoding)
        body = encoder.feed(body) + encoder.end()
        found["Content-Encoding"] = encoding
    return Response(body, headers=found)


def refusal(engine: Engine, error: QueryError, query: Query | None = None) -> Response:
    """An error, with its code in a header and its text in the body."""
    found = {
        "X-ClickHouse-Exception-Code": str(error.code),
        "X-ClickHouse-Server-Display-Name": NAME,
        "X-ClickHouse-Timezone": engine.timezone,
    }
    if query:
        found["X-ClickHouse-Query-Id"] = query.id
    if error.status == 401:
        found["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
    return PlainTextResponse(error.body(engine.version), error.status, found)


class Stream:
    """The streamed body of an answer. A client that takes nothing for `SEND_SECONDS` raises `TimeoutError`."""

    def __init__(self, send: Send, encoding: str) -> None:
        self._send = send
        self._encoding = encoding
        self._encoder = Encoder(encoding)

    async def start(self, found: dict[str, str]) -> None:
        """Send the headers; the status is 200 from here on, whatever becomes of the query."""
        if self._encoding:
            found = found | {"Content-Encoding": self._encoding}
        raw = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in found.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": raw})

    async def feed(self, chunk: bytes) -> None:
        """Send a part of the body."""
        if encoded := self._encoder.feed(chunk):
            async with asyncio.timeout(SEND_SECONDS):
                await self._send({"type": "http.response.body", "body": encoded, "more_body": True})

    async def end(self) -> None:
        """Send the rest."""
        await self._send({"type": "http.response.body", "body": self._encoder.end(), "more_body": False})

    async def fail(self, tag: str, message: str) -> None:
        """Send an error that came half-way. The answer stays without its end, upon which the connection is cut."""
        block = f"\r\n__exception__\r\n{tag}\r\n{message}{len(message.encode())} {tag}\r\n__exception__\r\n"
        rest = self._encoder.feed(block.encode()) + self._encoder.end()
        await self._send({"type": "http.response.body", "body": rest, "more_body": True})


def _summary(outcome: Outcome, result_bytes: int) -> str:
    """As ClickHouse writes it: every number a string."""
    numbers = {
        "read_rows": outcome.read_rows,
        "read_bytes": outcome.read_bytes,
        "written_rows": outcome.written_rows,
        "written_bytes": outcome.written_bytes,
        "total_rows_to_read": outcome.read_rows,
        "result_rows": outcome.result_rows or outcome.written_rows,
        "result_bytes": result_bytes,
        "elapsed_ns": outcome.elapsed_ns,
    }
    return json.dumps({name: str(number) for name, number in numbers.items()}, separators=(",", ":"))
