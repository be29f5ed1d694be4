"""The keeper: reads the table of keys again every second, and says so where it can't."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from api.errors import ApiError
from api.keys.admission import Admission
from api.keys.table import EVERY, keys_of
from api.query.run import Warehouse
from api.query.statement import Statement
from api.telemetry import Telemetry

EVERY_SECONDS = 1.0
READ_SECONDS = 5.0
"""For one reading: a connection that hangs must not keep a revoked key good once ClickHouse answers others again."""
FIRST_SECONDS = 3.0
"""How long the start waits for the keys; without them the API starts too, and lets in who needs none."""

log = structlog.get_logger()


class KeyKeeper:
    """Keeps an `Admission` up to date as long as its context lasts."""

    def __init__(self, warehouse: Warehouse, admission: Admission, telemetry: Telemetry) -> None:
        self._warehouse = warehouse
        self._admission = admission
        telemetry.keys_age.set_function(lambda: admission.age(time.monotonic()))
        self._failing = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator["KeyKeeper"]:
        """Read the keys, and go on doing so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS):
                await self._read()
        task = asyncio.create_task(self._follow())
        try:
            yield self
        finally:
            task.cancel()

    def missing(self) -> list[str]:
        """`api_keys` where they could not be read for too long."""
        return [] if self._admission.knows(time.monotonic()) else ["api_keys"]

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self._read()

    async def _read(self) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(READ_SECONDS):
                found = await self._warehouse.fetch(Statement(EVERY, {}))
        except (ApiError, TimeoutError) as error:
            if not self._failing:
                log.warning("api_keys_not_read", reason=str(error), hint="The keys as read last stay for a while.")
            self._failing = True
            return
        self._admission.take(keys_of(found.values), began)
        if self._failing:
            log.info("api_keys_read_again")
        self._failing = False
