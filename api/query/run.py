"""Step 4 of a query: the statement → rows, within limits that ClickHouse keeps."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from api.errors import ApiError, Away, Internal, TooExpensive
from api.query.flights import Flights
from api.query.statement import Statement
from api.settings import ApiSettings
from warehouse.client import WarehouseUnavailable, connect_async
from warehouse.rollups.read import Books, read_books

log = structlog.get_logger()
FAILURES = (ClickHouseError, WarehouseUnavailable, aiohttp.ClientError, OSError, TimeoutError)
GRACE_SECONDS = 10
"""Beyond the time that a query may take, before ClickHouse counts as away: to connect and to send the answer."""
TOO_EXPENSIVE = {159: "time", 160: "time", 158: "rows", 241: "memory"}
"""ClickHouse's codes for a query that ran into a limit → which."""
THROWN = 395
"""What a statement's own `throwIf` says: the seals that it names are dead."""

EXPORT_THREADS = 2
"""An export may take its time; the other queries should not feel it."""


class Switched(Away):
    """History was switched to another edition while the statement was on its way."""


@dataclass(frozen=True)
class Rows:
    """What ClickHouse answered: rows by column name, and what it read for them."""

    columns: Sequence[str]
    values: Sequence[Sequence[Any]]
    rows_read: int
    seconds: float
    """As ClickHouse measured it."""


class Warehouse:
    """One pooled client, connected when it is first needed, so that the API starts and recovers without ClickHouse."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._flights: Flights[Rows] = Flights(settings.query_cache_seconds)
        self._limits = {
            "readonly": 1,
            "max_execution_time": settings.query_seconds,
            "max_memory_usage": settings.query_megabytes * 1_000_000,
            "max_rows_to_read": settings.query_rows,
            "cancel_http_readonly_queries_on_client_close": 1,
            # One snapshot for every part of a statement, and the summary's header only when all has been read.
            "enable_shared_storage_snapshot_in_query": 1,
            "wait_end_of_query": 1,
        }

        self._export_limits = {
            "readonly": 1,
            "max_execution_time": settings.export_seconds,
            "max_memory_usage": settings.query_megabytes * 1_000_000,
            # What does not fit is sorted on disk: a file each time that so much has come together.
            "max_bytes_before_external_sort": settings.query_megabytes * 1_000_000 // 8,
            "max_bytes_ratio_before_external_sort": 0,
            # While the files are merged a block of each is in memory.
            "prefer_external_sort_block_bytes": 1_000_000,
            "max_block_size": 8192,
            "max_threads": EXPORT_THREADS,
            "cancel_http_readonly_queries_on_client_close": 1,
            "enable_shared_storage_snapshot_in_query": 1,
        }

    async def run(self, statement: Statement) -> Rows:
        """Rows of a statement, at most a second old; raises `TooExpensive`, `Away` or `Internal`."""
        # Values by their representation: 1 and True are equal in Python, and are not the same to ClickHouse.
        key = statement.sql, repr(sorted(statement.parameters.items()))
        return await self._flights.get(key, lambda: self.fetch(statement))

    async def fetch(self, statement: Statement) -> Rows:
        """Rows of a statement, read now; raises as `run` does."""
        try:
            # ClickHouse keeps to the limits by itself, unless it hangs.
            async with asyncio.timeout(self._settings.query_seconds + GRACE_SECONDS):
                client = await self._connected()
                found = await client.query(statement.sql, parameters=dict(statement.parameters), settings=self._limits)
        except FAILURES as error:
            raise _translated(error) from error
        return Rows(
            columns=found.column_names,
            values=found.result_rows,
            rows_read=int(found.summary.get("read_rows", 0)),
            seconds=int(found.summary.get("elapsed_ns", 0)) / 1e9,
        )

    async def insert(self, table: str, rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> None:
        """Rows into a table of the API's own, acknowledged; raises `Away` or `Internal`."""
        try:
            client = await self._connected()
            await client.insert(table, rows, column_names=columns, settings={"async_insert": 0})
        except FAILURES as error:
            raise _translated(error) from error

    async def books(self, known: Books) -> Books:
        """The books of the rollups now; raises as `run` does."""
        try:
            return await read_books(await self._connected(), known)
        except FAILURES as error:
            raise _translated(error) from error

    @asynccontextmanager
    async def stream(
        self, statement: Statement, format_: str, settings: Mapping[str, Any]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer in one of ClickHouse's formats, as bytes while it is made; leaving it early ends the query.

        Raises `TooExpensive`, `Away` or `Internal` on the way in, one of `FAILURES` in the middle.
        """
        try:
            client = await self._connected()
            stream = await client.raw_stream(
                statement.sql, dict(statement.parameters), {**self._export_limits, **settings}, format_
            )
        except FAILURES as error:
            raise _translated(error) from error
        async with stream as chunks:
            yield chunks

    async def ping(self) -> bool:
        """Whether ClickHouse answers."""
        try:
            return bool(await (await self._connected()).ping())
        except FAILURES:
            return False

    async def __aenter__(self) -> "Warehouse":
        """Nothing is connected yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.close()

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = await connect_async(self._settings)
                # Values in the body: an address has no room for a filter's long list.
                self._client.form_encode_query_params = True
            return self._client


def _translated(error: Exception) -> ApiError:
    """ClickHouse's error in terms of who can do something about it."""
    code = getattr(error, "code", None)
    if code in TOO_EXPENSIVE:
        return TooExpensive(
            f"The query needs more {TOO_EXPENSIVE[code]} than a query may take.",
            hint="Ask for a shorter range, fewer dimensions or a filter on a link.",
            limit=TOO_EXPENSIVE[code],
        )
    if code == THROWN:
        return Switched("History is being switched to another edition.", hint="Ask again.", what="clickhouse")
    if isinstance(error, DatabaseError) and code:
        log.error("query_failed", code=code, error=str(error))
        return Internal("ClickHouse refused the query; the API's log says why.", clickhouse_code=code)
    log.warning("warehouse_away", error=str(error))
    return Away("ClickHouse does not answer.", hint="Try again in a few seconds.", what="clickhouse")
