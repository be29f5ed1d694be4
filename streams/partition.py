"""The counting of one partition: hold records, work out their rows, insert them, say that they are done.

Two tasks, so that one insert is under way while the next is being built: the maker turns records into columns once they
are closed (`streams.maker`), the inserter writes them, one at a time and in order (`streams.inserter`). What can't be
mended here is raised: the process stops, its supervisor starts it again, and the ledger says where to go on.

Delivery guarantee: every offset becomes one row. Memory: at most `max_bytes` of records, with their rows, are held
until they are stored (the transport fetches no more above it), and one fetch beyond.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable

import structlog

from streams import metrics
from streams.batch import Batch
from streams.dead_ratio import STORED, WINDOW_OF_STORED, DeadRatio
from streams.inserter import Built, Gap, Inserter
from streams.letters import Letters
from streams.maker import Maker, Work
from streams.patience import Patience
from streams.publisher import Publication, Publisher
from streams.settings import StreamSettings
from streams.windows.hold import HoldLimit
from warehouse.failures import Doubtful
from warehouse.ledger import Ledger, Partition

log = structlog.get_logger()

LogEnd = Callable[[int], tuple[int, float] | None]
"""Partition → where its log ends, and when Kafka said so (monotonic seconds); None where it has not yet."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much is gathered, and how long a doubt may last."""

    rows: int = 20_000
    """Rows of one insert at the most."""
    linger: float = 0.5
    """Seconds that a batch waits for more records, after its first one is closed."""
    max_bytes: int = 16 << 20
    """Bytes that records and their rows may take until they are stored; whatever waits for more has to go on then."""
    hold: HoldLimit = dataclasses.field(default_factory=HoldLimit)
    """How long a record stays open."""
    patience: float = 60.0
    """Seconds after which a ClickHouse that can't be reached stops the process."""
    look_back: float = 15.0
    """Seconds between looks at whether all that was stored still is."""
    pause: float = 0.2
    """Seconds before the first retry; each later one waits up to twice as long, at most five."""
    dead_ratio: float = 0.5
    """Share of records whose rows can't be stored, of the last hundred or more, above which this stops; 1: never."""

    @classmethod
    def of(cls, settings: StreamSettings) -> "Limits":
        """As the settings have them."""
        return cls(
            rows=settings.batch_rows,
            linger=settings.batch_linger,
            max_bytes=settings.held_bytes,
            hold=settings.hold_limit,
            patience=settings.clickhouse_patience,
            dead_ratio=settings.dead_ratio,
        )

    def shared(self, partitions: int) -> "Limits":
        """Those of one of so many partitions: together they hold no more than this, but each has room for its hold."""
        share = max(self.max_bytes // max(1, partitions), 2 * self.hold.max_bytes)
        return dataclasses.replace(self, max_bytes=share)


class PartitionCounter:
    """Counts one partition as long as this process owns it."""

    def __init__(
        self,
        partition: Partition,
        ledger: Ledger,
        work: Work,
        *,
        done: Callable[[int], None],
        log_end: LogEnd,
        limits: Limits,
        publisher: Publisher | None = None,
        letters: Letters | None = None,
    ) -> None:
        """Where there is a `publisher`, what is stored is `done` when it has sent it."""
        self.partition = partition
        self._log_end, self._limits = log_end, limits
        patience = Patience(limits.patience, limits.pause)
        half = limits.max_bytes // 2  # so that the next batch fills while this one is stored
        self._maker = Maker(work, limits.hold, patience, rows=limits.rows, linger=limits.linger, size=half)
        self._publication = Publication(partition, publisher, ledger, patience, done) if publisher else None
        follow = self._publication.follow if self._publication else None
        ratio = DeadRatio(limits.dead_ratio, STORED, WINDOW_OF_STORED)
        self._inserter = Inserter(partition, ledger, done, patience, ratio, follow=follow, letters=letters)
        self._held = 0
        self._built: asyncio.Queue[tuple[Built, int]] = asyncio.Queue(maxsize=1)
        self._expected = 0
        self._opened_at = 0
        self._closing = False

    async def open(self, beginning: int, sent: int | None = None) -> int:
        """Take the partition over; `beginning` is the first offset that the log still has. Returns where to read on.

        A publisher goes on at `sent`; None: nobody knows where, so with all that the log still has.
        """
        position = await self._inserter.open(beginning)
        self._expected = beginning if position.next is None else position.next
        if self._expected < beginning:
            log.error("records lost: the log let go of them unread", **self._inserter.where(), to=beginning)
            self._expected = beginning
        await self._maker.restore(position, self._expected)
        self._opened_at = self._expected
        if self._publication:
            self._publication.open(beginning if sent is None else sent, self._expected)
        return self._expected

    def put(self, batch: Batch) -> None:
        """Take a batch in; offsets that were taken before are dropped.

        Raises `Gap` where some were skipped, or where all were taken before: the topic may be another one by now.
        """
        if batch.first > self._expected or batch.next <= self._expected:
            got = f"{batch.first} to {batch.next - 1}"
            raise Gap(f"{self.partition.comment}: expected offset {self._expected}, the log gave {got}")
        fresh = batch.records
        if batch.first < self._expected:
            fresh = [record for record in fresh if record.offset >= self._expected]
        self._hold(self._maker.put(fresh))
        if self.full:
            self._maker.hurry()
        self._expected = batch.next

    @property
    def stored_to(self) -> int:
        """The first offset that is not stored yet."""
        return max(self._opened_at, self._inserter.position.next or 0)

    @property
    def full(self) -> bool:
        """Whether as much is held as may."""
        return self._held >= self._limits.max_bytes

    def forget(self) -> None:
        """Hold nothing any more: what is not stored, somebody else reads again."""
        self._hold(-self._held)

    def _hold(self, more: int) -> None:
        self._held += more
        metrics.HELD.inc(more)

    async def run(self) -> None:
        """Count until cancelled; raises what can't be mended here."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._make())
            tasks.create_task(self._insert())
            tasks.create_task(self._look_back())
            if self._publication:
                tasks.create_task(self._publication.catch_up())

    async def settle(self) -> None:
        """Build nothing more, and wait until what was built is stored."""
        self._closing = True
        await self._built.join()

    async def _make(self) -> None:
        """Rows that stand already, behind a hole, are made too: what is in the hole is compared with them."""
        while not self._closing:
            await self._built.put(await self._maker.make(self._ended, self._built.join, self._behind))

    def _ended(self) -> float | None:
        """When Kafka said that nothing follows what was put in; not while it is not asked, for there is enough."""
        end = None if self.full else self._log_end(self.partition.number)
        return end[1] if end is not None and end[0] <= self._expected else None

    def _behind(self) -> bool:
        """Whether it is known that more of the log waits to be read than was put in."""
        end = self._log_end(self.partition.number)
        return end is not None and end[0] > self._expected

    async def _insert(self) -> None:
        while True:
            built, size = await self._built.get()
            await self._inserter.store(built)
            self._hold(-size)
            self._built.task_done()

    async def _look_back(self) -> None:
        """Rows may go without traffic too, since ClickHouse does not fsync; once that is seen they are read again."""
        while True:
            await asyncio.sleep(self._limits.look_back)
            with contextlib.suppress(Doubtful):
                await self._inserter.look_back()
