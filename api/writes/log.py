"""The audit log as it is written: a line is in the API's own log at once, and in the table as soon as that takes it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from api.errors import ApiError
from api.query.run import Warehouse
from api.telemetry import Telemetry
from api.writes.entry import FIELDS, TABLE, Write, row

KEPT = 10_000
"""Lines that wait while ClickHouse is away; of more than that, the oldest are in the API's own log only."""
BATCH = 1000
AGAIN_SECONDS = 1.0
LAST_SECONDS = 5.0
"""How long the end waits for the last lines."""

log = structlog.get_logger()


class WriteLog:
    """Takes lines without waiting. A write is not refused because its line can't be stored yet, nor held up by it."""

    def __init__(self, warehouse: Warehouse, telemetry: Telemetry) -> None:
        self._warehouse = warehouse
        self._telemetry = telemetry
        self._waiting: deque[Write] = deque()
        self._some = asyncio.Event()
        telemetry.writes_waiting.set_function(lambda: len(self._waiting))

    def note(self, write: Write) -> None:
        """A write that has been answered."""
        log.info("write", action=write.action, object=write.object, status=write.status, by=write.key_name)
        self._waiting.append(write)
        if len(self._waiting) > KEPT:
            lost = self._waiting.popleft()
            self._telemetry.writes_lost.inc()
            log.error("write_not_stored", **lost.shown())
        self._some.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["WriteLog"]:
        """Store lines as they come, and at the end what is left."""
        task = asyncio.create_task(self._follow())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(TimeoutError, ApiError):
                async with asyncio.timeout(LAST_SECONDS):
                    await self._store()
            for write in self._waiting:
                log.error("write_not_stored", **write.shown())

    async def _follow(self) -> None:
        while True:
            await self._some.wait()
            try:
                await self._store()
            except ApiError as error:
                log.warning("writes_not_stored", waiting=len(self._waiting), reason=error.message)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _store(self) -> None:
        """Store all that waits; a line is let go when the table has it, so one may be written twice and stays one."""
        while self._waiting:
            batch = [*self._waiting][:BATCH]
            await self._warehouse.insert(TABLE, [row(write) for write in batch], FIELDS)
            for write in batch:
                if self._waiting and self._waiting[0] is write:
                    self._waiting.popleft()
        self._some.clear()
