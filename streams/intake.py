"""The intake of `clicks.raw`: one `PartitionCounter` for each partition that this process owns."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import structlog

from streams.batch import Batch
from streams.letters import Letters
from streams.maker import Work
from streams.partition import Limits, LogEnd, PartitionCounter
from streams.publisher import Publisher
from warehouse.ledger import Ledger, Partition

log = structlog.get_logger()

DRAIN_SECONDS = 20.0
"""How long a rebalance or a stop waits for inserts in flight; what is not done by then, the next owner reads again."""


class ClickIntake:
    """Implements `streams.transport.Intake` with ClickHouse as the ledger."""

    def __init__(
        self,
        *,
        topic_id: Callable[[], Awaitable[UUID]],
        ledger: Ledger,
        work: Callable[[Partition], Work],
        log_end: LogEnd,
        done: Callable[[int, int], None],
        fail: Callable[[BaseException], None],
        limits: Limits,
        publisher: Publisher | None = None,
        letters: Letters | None = None,
    ) -> None:
        self._topic_id, self._ledger, self._work, self._log_end = topic_id, ledger, work, log_end
        self._done, self._fail, self._limits = done, fail, limits
        self._publisher, self._letters = publisher, letters
        self._counters: dict[int, PartitionCounter] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def open(self, beginnings: Mapping[int, int]) -> Mapping[int, int]:
        """Take the partitions over, in ClickHouse; returns where to read on in each."""
        await self.drain()
        topic_id = await self._topic_id()
        limits = self._limits.shared(len(beginnings))
        counters = {number: self._counter(topic_id, number, limits) for number in beginnings}
        sent = await self._publisher.sent(beginnings) if self._publisher else {}
        starts = await asyncio.gather(
            *(counters[number].open(at, sent.get(number)) for number, at in beginnings.items())
        )
        self._counters = counters
        for number, counter in counters.items():
            task = asyncio.create_task(counter.run(), name=counter.partition.comment)
            task.add_done_callback(self._ended)
            self._tasks[number] = task
        positions = dict(zip(beginnings, starts, strict=True))
        log.info("counting", positions=positions)
        return positions

    def put(self, batch: Batch) -> None:
        """Take a batch in; one of a partition that is no longer owned is dropped: its new owner reads it."""
        if counter := self._counters.get(batch.partition):
            counter.put(batch)

    def full(self, partition: int) -> bool:
        """Whether the partition holds as much as may; all of them have equal shares."""
        counter = self._counters.get(partition)
        return counter is not None and counter.full

    def positions(self) -> Mapping[int, int]:
        """The first offset that is not stored yet, of each partition that is owned; may be called from any thread."""
        return {number: counter.stored_to for number, counter in tuple(self._counters.items())}

    async def drain(self) -> None:
        """Finish what is in flight, drop what is only waiting, own nothing any more."""
        counters, self._counters = self._counters, {}
        tasks, self._tasks = self._tasks, {}
        settling = {asyncio.create_task(_settled(counters[number], task)) for number, task in tasks.items()}
        if settling:
            await asyncio.wait(settling, timeout=DRAIN_SECONDS)
        ending = settling | set(tasks.values())
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for counter in counters.values():
            counter.forget()

    def _counter(self, topic_id: UUID, number: int, limits: Limits) -> PartitionCounter:
        partition = Partition(topic_id, number)
        return PartitionCounter(
            partition,
            self._ledger,
            self._work(partition),
            done=lambda offset: self._done(number, offset),
            log_end=self._log_end,
            limits=limits,
            publisher=self._publisher,
            letters=self._letters,
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)


async def _settled(counter: PartitionCounter, task: asyncio.Task[None]) -> None:
    """Wait until what the counter built is stored, or its task has failed: then it never will be."""
    settling = asyncio.create_task(counter.settle())
    try:
        await asyncio.wait({settling, task}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        settling.cancel()
