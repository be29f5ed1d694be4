"""The counting of one partition: gather records, work out their rows, insert them, say that they are done.

Two tasks, so that one insert is under way while the next is being built: the maker turns records into columns, the
inserter writes them, one at a time and in order. Whenever the inserter is in doubt it takes the partition over again
and writes what the ledger says is missing. What it can't mend it raises: the process stops, its supervisor starts it
again, and the ledger says where to go on.

Delivery guarantee: every offset becomes one row. Memory: at most `max_bytes` of records are waiting (the transport
stops fetching above it), one batch is built and one in flight.
"""

import asyncio
import contextlib
import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from streams import metrics
from streams.batch import Batch, Record
from warehouse.columns import Columns, coded, picked
from warehouse.ledger import Doubtful, Fenced, Ledger, Partition, Position

log = structlog.get_logger()

T = TypeVar("T")

Rows = Columns
"""Columns of `events` for a run of records."""

Stored = Callable[[], Awaitable[None]]
"""Waits until every row that was built before stands in ClickHouse: what a look-up there has to wait for."""

Work = Callable[[Partition, Sequence[Record], int, Stored], Awaitable[Rows]]
"""(partition, records, batch time, stored) → rows: the whole chain from decoding to the verdict."""


class Gap(Exception):
    """The log or the ledger skips offsets that were neither read nor stored."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much is gathered, and how long a doubt may last."""

    rows: int = 20_000
    """Rows of one insert at the most."""
    linger: float = 0.5
    """Seconds that a batch waits for more records, after its first one."""
    max_bytes: int = 16 << 20
    """Bytes of records that may wait, a partition."""
    patience: float = 60.0
    """Seconds after which a ClickHouse that can't be reached stops the process."""
    look_back: float = 15.0
    """Seconds between looks at whether all that was stored still is."""
    pause: float = 0.2
    """Seconds before the first retry; each later one waits up to twice as long, at most five."""


class PartitionCounter:
    """Counts one partition as long as this process owns it."""

    def __init__(
        self, partition: Partition, ledger: Ledger, work: Work, done: Callable[[int], None], limits: Limits
    ) -> None:
        self.partition = partition
        self._ledger, self._work, self._done, self._limits = ledger, work, done, limits
        self._waiting: deque[Record] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._built: asyncio.Queue[Rows] = asyncio.Queue(maxsize=1)
        self._position = Position(None)
        self._batch_time = 0
        self._beginning = 0
        self._expected = 0
        self._stored_to = 0
        self._closing = False
        self._in_doubt = False
        self._refused = False

    async def open(self, beginning: int) -> int:
        """Take the partition over; `beginning` is the first offset that the log still has. Returns where to read on."""
        self._beginning = beginning
        self._position = await self._patiently(self._take_over)
        self._batch_time = self._position.batch_time
        self._expected = beginning if self._position.next is None else self._position.next
        if self._expected < beginning:
            log.error("records lost: the log let go of them unread", **self._where(), to=beginning)
            self._expected = beginning
        self._stored_to = self._expected
        return self._expected

    def put(self, batch: Batch) -> None:
        """Take a batch in; offsets that were taken before are dropped.

        Raises `Gap` where some were skipped, or where all were taken before: the topic may be another one by now.
        """
        if batch.first > self._expected or batch.next <= self._expected:
            got = f"{batch.first} to {batch.next - 1}"
            raise Gap(f"{self.partition.comment}: expected offset {self._expected}, the log gave {got}")
        fresh = [record for record in batch.records if record.offset >= self._expected]
        self._waiting.extend(fresh)
        self._waiting_bytes += sum(len(record.value or b"") for record in fresh)
        self._expected = max(self._expected, batch.next)
        self._arrived.set()
        if len(self._waiting) >= self._limits.rows:
            self._enough.set()

    @property
    def stored_to(self) -> int:
        """The first offset that is not stored yet."""
        return self._stored_to

    @property
    def full(self) -> bool:
        """Whether as much is waiting as may."""
        return self._waiting_bytes >= self._limits.max_bytes

    async def run(self) -> None:
        """Count until cancelled; raises what can't be mended here."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._make())
            tasks.create_task(self._insert())
            tasks.create_task(self._look_back())

    async def settle(self) -> None:
        """Build nothing more, and wait until what was built is stored."""
        self._closing = True
        await self._built.join()

    async def _make(self) -> None:
        while not self._closing:
            records = await self._gather()
            if not self._position.nothing_from(records[0].offset):
                records = [record for record in records if self._position.missing(record.offset)]
            if records:
                self._batch_time = max(self._batch_time, max(record.timestamp for record in records) // 1000)
                await self._built.put(await self._patiently(partial(self._rows, records)))

    async def _rows(self, records: Sequence[Record]) -> Rows:
        return await self._work(self.partition, records, self._batch_time, self._built.join)

    async def _gather(self) -> list[Record]:
        await self._arrived.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._enough.wait(), self._limits.linger)
        count = min(len(self._waiting), self._limits.rows)
        records = [self._waiting.popleft() for _ in range(count)]
        self._waiting_bytes -= sum(len(record.value or b"") for record in records)
        if not self._waiting:
            self._arrived.clear()
        if len(self._waiting) < self._limits.rows:
            self._enough.clear()
        return records

    async def _insert(self) -> None:
        while True:
            rows = await self._built.get()
            await self._store(rows)
            self._built.task_done()

    async def _store(self, rows: Rows) -> None:
        """Insert the rows exactly once, through doubts and one refusal in a row."""
        await self._patiently(lambda: self._attempt(rows))
        self._refused = False
        # Asked in a doubt, the ledger may have said that more is stored than this: another owner went on meanwhile.
        self._stored_to = max(int(rows["kafka_offset"][-1]) + 1, self._position.next or 0)
        self._position = dataclasses.replace(self._position, next=self._stored_to)
        metrics.POSITION.labels(self.partition.number).set(self._stored_to)
        self._done(self._stored_to)

    async def _attempt(self, rows: Rows) -> None:
        """Insert what is missing of the rows. After a doubt or a refusal the ledger is asked what that is."""
        if self._in_doubt:
            await self._reopen()
            self._in_doubt = False
        if not (missing := self._missing(rows)):
            return
        self._in_doubt = True  # until the insert says that it stands
        try:
            with metrics.INSERT_SECONDS.time():
                await self._ledger.insert(self.partition, int(missing["kafka_offset"][0]), missing)
        except Fenced as refusal:
            metrics.DOUBTS.labels("refused").inc()
            if self._refused:  # refused again after fencing again: somebody else owns the partition by now
                raise
            self._refused = True
            log.warning("insert refused, fencing again", **self._where())
            raise Doubtful(str(refusal)) from refusal
        except Doubtful as doubt:
            metrics.DOUBTS.labels("in doubt").inc()
            log.warning("insert in doubt", **self._where(), reason=str(doubt))
            raise
        self._in_doubt = False
        for outcome, count in coded(missing.get("outcome", [])).counts().items():
            metrics.STORED.labels(str(outcome)).inc(count)

    def _missing(self, rows: Rows) -> Rows:
        offsets = rows["kafka_offset"]
        if self._position.nothing_from(offsets[0]):
            return rows
        keep = [index for index, offset in enumerate(offsets) if self._position.missing(offset)]
        return rows if len(keep) == len(offsets) else picked(rows, keep) if keep else {}

    async def _look_back(self) -> None:
        """Rows may go without traffic too, since ClickHouse does not fsync; once that is seen they are read again."""
        while True:
            await asyncio.sleep(self._limits.look_back)
            with contextlib.suppress(Doubtful):
                before = self._position.next
                self._check(before, await self._ledger.position(self.partition, self._beginning))

    async def _reopen(self) -> None:
        before, self._position = self._position.next, await self._take_over()
        self._check(before, self._position)

    def _check(self, before: int | None, now: Position) -> None:
        if before is not None and (now.next is None or now.next < before):
            raise Gap(f"{self.partition.comment}: rows from {now.next or 0} to {before} are gone from ClickHouse")

    async def _take_over(self) -> Position:
        return await self._ledger.take_over(self.partition, self._beginning)

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        async for trial in AsyncRetrying(
            retry=retry_if_exception_type(Doubtful),
            stop=stop_after_delay(self._limits.patience),
            wait=wait_exponential_jitter(multiplier=self._limits.pause, max=5, jitter=self._limits.pause),
            reraise=True,
        ):
            with trial:
                return await attempt()
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _where(self) -> dict[str, Any]:
        return {"partition": self.partition.number, "topic_id": str(self.partition.topic_id), "at": self._position.next}
