"""The maker of one partition: it holds records until they are closed, and turns runs of them into rows.

Delivery guarantee: none of its own; every record that is put in comes out once, in order, or is dropped with the maker.
Memory: the records and columns of what is held. A hold ends by bytes too, so it never waits for more than is fetched.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic
from typing import Protocol

from streams.batch import Record, Records
from streams.inserter import Built, Rows
from streams.patience import Patience
from streams.windows.hold import Hold, HoldLimit, Stretch
from warehouse.ledger import Position

Stored = Callable[[], Awaitable[None]]
"""Waits until every row that was built before stands in ClickHouse: what a look-up there has to wait for."""

Ended = Callable[[], float | None]
"""When Kafka last said that nothing follows what was put in, by the monotonic clock; None where something does."""

MAX_SIZE = 128 << 20
"""Bytes of records that a batch may have in any case."""

CATCH_UP_SECONDS = 2.0
"""How much longer a batch may take to fill while more of the log waits to be read: small inserts would only slow it."""

LOOK_SECONDS = 0.05
"""How often it is asked whether the log has ended, once the first record might be closed by that."""


class Work(Protocol):
    """What is done to the records of one partition, in order: looked at as early as may be, made rows when closed."""

    async def restore(self, position: Position, before: int) -> int:
        """Take up where the rows before an offset end; returns the log's clock there, Unix milliseconds."""

    async def look(self, records: Records, stretch: Stretch, stored: Stored) -> None:
        """Look at the next records. Where it raises, nothing of them is kept and it may be called again."""

    def rows(self, records: Records, batch_time: int) -> Rows:
        """The rows of the next records, all of which were looked at; `batch_time` is in Unix seconds."""


class Maker:
    """Holds, looks around, makes rows: of one partition, one at a time."""

    def __init__(
        self, work: Work, limit: HoldLimit, patience: Patience, *, rows: int, linger: float, size: int = MAX_SIZE
    ) -> None:
        """So many `rows` are made at a time at the most; a batch of those, or of `size` bytes, waits for no more."""
        self._work, self._limit, self._patience = work, limit, patience
        self._rows, self._linger, self._size = rows, linger, size
        self._hold = Hold(limit)
        self._looked = 0
        self._batch_time = 0
        self._arrived, self._enough = asyncio.Event(), asyncio.Event()

    async def restore(self, position: Position, before: int) -> None:
        """Take up where the rows before an offset end; the records from there on come next."""
        clock = await self._patience(lambda: self._work.restore(position, before))
        self._hold = Hold(self._limit, clock)
        self._batch_time = position.batch_time

    def closed(self, ended: Ended) -> int:
        """How many records are closed, so that rows can be made of them."""
        return self._hold.closed(ended())

    def put(self, records: Sequence[Record]) -> int:
        """Take more records in, at least one; returns the memory that they will take until they are stored."""
        size = self._hold.put(records, monotonic())
        self._arrived.set()
        if self._is_enough():
            self._enough.set()
        return size

    def hurry(self) -> None:
        """Wait for no more records: none are fetched before some of these are stored."""
        self._enough.set()

    async def make(self, ended: Ended, stored: Stored, behind: Callable[[], bool] = lambda: False) -> tuple[Built, int]:
        """Wait until records are closed, and for more: a little, or while the log is `behind`; make their rows.

        Returns the memory that the records take, too: as `put` counted it.
        """
        while not self.closed(ended):
            await self._news()
        await self._gather(behind)
        count = min(self.closed(ended), self._rows)
        for end in (count, self._hold.reach(count)):  # in two, so that a look mostly becomes rows as a whole
            await self._look(end, stored)
        records, size = self._hold.records(0, count), self._hold.size(count)
        self._batch_time = max(self._batch_time, self._hold.clock(count) // 1000)
        built = Built(self._work.rows(records, self._batch_time), records)
        self._drop(count)
        return built, size

    async def _gather(self, behind: Callable[[], bool]) -> None:
        """Let a batch grow, for the linger from its first record's closing on; or, while behind, until it is full."""
        wait = max(0.0, self._linger - max(0.0, monotonic() - self._hold.due))
        for _ in range(1 + round(CATCH_UP_SECONDS / LOOK_SECONDS)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), wait)
            if self._enough.is_set() or not behind():
                return
            wait = LOOK_SECONDS

    async def _news(self) -> None:
        """Wait for more records, or until the first one may be closed without any."""
        self._arrived.clear()
        wait = max(LOOK_SECONDS, self._hold.due - monotonic()) if len(self._hold) else None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), wait)

    async def _look(self, end: int, stored: Stored) -> None:
        if end > self._looked:
            records, stretch = self._hold.records(self._looked, end), self._hold.stretch(self._looked, end)
            await self._patience(partial(self._work.look, records, stretch, stored))
            self._looked = end

    def _drop(self, count: int) -> None:
        self._hold.drop(count)
        self._looked -= count
        if not self._is_enough():
            self._enough.clear()

    def _is_enough(self) -> bool:
        closed = self._hold.closed()
        return closed >= self._rows or (closed > 0 and self._hold.size(closed) >= self._size)
