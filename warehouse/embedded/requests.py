"""A request of ClickHouse's HTTP interface: who asks, what is asked, with which parameters and settings."""

import base64
import binascii
import dataclasses
import email.parser
import email.policy
import re
import secrets
import tempfile
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import BinaryIO

from starlette.requests import Request

from warehouse.embedded import errors
from warehouse.embedded.compression import Decoder
from warehouse.embedded.engine import Query
from warehouse.embedded.errors import QueryError
from warehouse.embedded.settings import EmbeddedSettings
from warehouse.embedded.statement import Kind, Statement, parse

HEAD = 256 * 1024
"""A statement is looked for in so many bytes; as ClickHouse's `max_query_size`."""
LONGEST_QUERY = 16 * 1024 * 1024

_FORMAT = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_NOT_SETTINGS = frozenset(
    {
        *("query", "database", "user", "password", "quota_key", "default_format", "query_id", "role", "stacktrace"),
        *("session_id", "session_timeout", "session_check", "close_session", "compress", "decompress"),
        *("buffer_size", "wait_end_of_query", "client_protocol_version"),
    }
)
"""URL parameters that are the HTTP interface's own."""

CUSTOM_SERIALIZATION = 54454
"""From this protocol version on, Native blocks hold more than the engine writes."""


@dataclasses.dataclass(frozen=True)
class Call:
    """A query, and the data that came with it: an open, unlinked file."""

    query: Query
    data: BinaryIO | None


def authenticate(request: Request, settings: EmbeddedSettings) -> bool:
    """Whether it is the reader who asks, by header, Basic authentication or URL. Raises `QueryError` for others."""
    user, password = _credentials(request)
    known = {settings.user: settings.password.get_secret_value()}
    if settings.reader_password.get_secret_value() or not settings.password.get_secret_value():
        known.setdefault(settings.reader, settings.reader_password.get_secret_value())
    if not secrets.compare_digest(known.get(user, "").encode(), password.encode()) or user not in known:
        if not password and "authorization" not in request.headers:
            raise QueryError(errors.REQUIRED_PASSWORD, "REQUIRED_PASSWORD", f"{user}: a password is required")
        raise QueryError(
            errors.AUTHENTICATION_FAILED,
            "AUTHENTICATION_FAILED",
            f"{user}: Authentication failed: password is incorrect, or there is no user with such name.",
        )
    return user != settings.user


def _credentials(request: Request) -> tuple[str, str]:
    if user := request.headers.get("x-clickhouse-user"):
        key = request.headers.get("x-clickhouse-key", "")
        # Starlette reads headers as Latin-1; ClickHouse takes the bytes for what they are.
        return user.encode("latin-1").decode(errors="replace"), key.encode("latin-1").decode(errors="replace")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, password = "", ""
        return user or "default", password
    return request.query_params.get("user", "default"), request.query_params.get("password", "")


async def read(request: Request, *, reader: bool, spool: Path) -> Call:
    """Read the request to its end. The query in the URL and the one in the body are one text, as in ClickHouse.

    Data of an INSERT go to a file in `spool` as they come, decompressed; nothing else may be long. Raises `QueryError`.
    """
    fields = dict(request.query_params)
    head = bytearray(fields.pop("query", "").encode())
    chunks = _decoded(request)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        form = await _form(request, chunks)
        head += form.pop("query", "").encode()
        fields |= form
    if head:
        head += b"\n"
    statement = None
    async for chunk in chunks:
        head += chunk
        if len(head) > HEAD and statement is None:
            statement = parse(head.decode("latin-1"))
            if statement.kind is Kind.INSERT:
                break
        if len(head) > LONGEST_QUERY:
            raise QueryError(errors.SYNTAX_ERROR, "SYNTAX_ERROR", "Max query size exceeded")
    statement = parse(head.decode("latin-1"))
    data = None
    if statement.kind is Kind.INSERT:
        data = await _kept(bytes(head[statement.data_start :]), chunks, spool)
    return Call(_query(request, fields, statement, reader=reader), data)


async def _kept(start: bytes, chunks: AsyncIterator[bytes], spool: Path) -> BinaryIO:
    data = tempfile.TemporaryFile(dir=spool)  # noqa: SIM115  # closed by the engine, when the insert has read it
    try:
        data.write(start)
        async for chunk in chunks:
            data.write(chunk)
        data.flush()
    except BaseException:
        data.close()
        raise
    return data


async def _decoded(request: Request) -> AsyncIterator[bytes]:
    decoder = Decoder(request.headers.get("content-encoding", ""))
    async for chunk in request.stream():
        if plain := decoder.feed(chunk):
            yield plain
    decoder.end()


async def _form(request: Request, chunks: AsyncIterator[bytes]) -> dict[str, str]:
    """The fields of a form; files (ClickHouse's external tables) are not supported."""
    body = bytearray(f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode())
    async for chunk in chunks:
        body += chunk
        if len(body) > LONGEST_QUERY:
            raise QueryError(errors.SYNTAX_ERROR, "SYNTAX_ERROR", "Max query size exceeded")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(bytes(body))
    form = {}
    for part in message.iter_parts():
        if part.get_filename():
            raise QueryError(errors.NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "External tables are not supported here")
        name = part.get_param("name", header="content-disposition")
        form[str(name)] = bytes(part.get_payload(decode=True)).decode()
    return form


def _query(request: Request, fields: Mapping[str, str], statement: Statement, *, reader: bool) -> Query:
    headers = request.headers
    default_format = fields.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated"
    if not _FORMAT.fullmatch(default_format):
        raise QueryError(errors.UNKNOWN_FORMAT, "UNKNOWN_FORMAT", f"Unknown format {default_format}")
    _refuse_framing(fields)
    settings = {
        name: value for name, value in fields.items() if name not in _NOT_SETTINGS and not name.startswith("param_")
    }
    return Query(
        statement=statement,
        id=fields.get("query_id") or headers.get("x-clickhouse-query-id") or str(uuid.uuid4()),
        database=fields.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=default_format,
        parameters={name.removeprefix("param_"): value for name, value in fields.items() if name.startswith("param_")},
        settings=settings,
        reader=reader,
        readonly=1 if reader else 2 if request.method == "GET" else 0,
    )


def _refuse_framing(fields: Mapping[str, str]) -> None:
    """Say what to set instead, rather than answer with what the client can't read."""
    if fields.get("compress", "0") not in ("0", "false") or fields.get("decompress", "0") not in ("0", "false"):
        raise QueryError(
            errors.NOT_IMPLEMENTED,
            "NOT_IMPLEMENTED",
            "ClickHouse's own compression is not supported here: set compress=false in the driver's URL,"
            " or use HTTP compression",
        )
    version = fields.get("client_protocol_version", "0")
    if not version.isdecimal() or int(version) >= CUSTOM_SERIALIZATION:
        raise QueryError(
            errors.NOT_IMPLEMENTED,
            "NOT_IMPLEMENTED",
            f"client_protocol_version={version} is not supported here, at most {CUSTOM_SERIALIZATION - 1}",
        )
