"""ClickHouse as the ledger: who may write a partition, how far it is stored, and the one insert that moves it on.

Every row of `events` carries its topic id, partition and offset, so the table itself says what was counted; Kafka's
committed offset is only a hint. Any assignment, doubt, refusal or restart runs the same four steps: fence → settle →
read → resume. After them no other writer's insert can land any more, and `Position` says exactly what is missing.

Exactly once, under these conditions: one insert in flight a partition (the caller's duty), each in the order of offsets
and small enough to become one part (`MAX_ROWS`).
"""

import asyncio
import contextlib
import dataclasses
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.asyncclient import AsyncClient

from warehouse.columns import Coded, Columns
from warehouse.failpoints import Failpoint, reach
from warehouse.failures import Doubtful, Failure, TooLarge, judge
from warehouse.native import block
from warehouse.sql import load

MAX_ROWS = 500_000
"""Rows an insert may have: 1.5 million were seen to become two parts, which a crash could leave half done."""

INSERT_SETTINGS: Mapping[str, Any] = {
    "async_insert": 0,
    "max_insert_threads": 1,
    "max_threads": 1,  # else the projection of each insert is worked out by threads that take longer to start than it
    "insert_deduplicate": 1,
    "max_partitions_per_insert_block": 1,
}


@dataclasses.dataclass(frozen=True)
class Partition:
    """A partition's ledger; a topic that is made again has another id and so another ledger."""

    topic_id: UUID
    number: int

    @property
    def comment(self) -> str:
        """`log_comment` of every insert, by which settling finds them."""
        return f"weir {self.topic_id}/{self.number}"

    @property
    def parameters(self) -> dict[str, Any]:
        """As the SQL files name them."""
        return {"topic_id": str(self.topic_id), "partition": self.number}


@dataclasses.dataclass(frozen=True)
class Position:
    """How far a partition is stored."""

    next: int | None
    """The first offset that is missing; None where there is no row yet: from the beginning of the log."""
    batch_time: int = 0
    """Highest batch time that is stored, Unix seconds."""
    stored: tuple[range, ...] = ()
    """Offsets beyond `next` that stand already: what lies behind a hole."""

    def missing(self, offset: int) -> bool:
        """Whether the offset has no row yet."""
        return (self.next is None or offset >= self.next) and not any(offset in run for run in self.stored)

    def nothing_from(self, offset: int) -> bool:
        """Whether neither this offset nor any later one has a row: what is usual."""
        return not self.stored and (self.next is None or offset >= self.next)


@dataclasses.dataclass(frozen=True)
class Erased:
    """Offsets of a partition that were erased; they are as good as rows."""

    count: int
    first: int
    last: int
    unsure: int
    """1: some of them may still have rows."""
    begins: int
    """The first offset that the ledger is asked about: what was before was dropped by retention."""


class Ledger:
    """The ledger of one writer process; knows the nonce of each partition that it owns.

    Every method ends within `timeout` seconds and raises a `warehouse.failures.Failure`: `Doubtful` where ClickHouse
    can't be reached or takes longer, `Refused` where it never will do.
    """

    def __init__(self, client: AsyncClient, *, timeout: float = 60.0) -> None:
        self._client = client
        self._timeout = timeout
        self._nonces: dict[Partition, int] = {}
        self._types: dict[str, str] = {}

    async def take_over(self, partition: Partition, beginning: int) -> Position:
        """Fence → settle → read: when it returns, this process alone can write the partition, from the position on.

        `beginning` is the first offset that the log still has: what is missing from there on is to be read again.
        """
        async with self._bounded():
            await self._fence(partition)
            await self._settle(partition)
            return await self._read(partition, beginning)

    async def position(self, partition: Partition, beginning: int) -> Position:
        """How far the partition is stored now."""
        async with self._bounded():
            return await self._read(partition, beginning)

    async def _fence(self, partition: Partition) -> None:
        nonce = secrets.randbits(63) + 1
        await self._client.command(load("fence"), parameters={**partition.parameters, "nonce": nonce})
        self._nonces[partition] = nonce
        reach(Failpoint.AFTER_FENCE)

    async def _settle(self, partition: Partition) -> None:
        parameters = {"comment": partition.comment}
        while await self._client.raw_query(load("settle"), parameters=parameters, fmt="TSV"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)  # the inserts end in ClickHouse: there is no event of ours to wait for

    async def _read(self, partition: Partition, beginning: int) -> Position:
        """Rows first, then what is erased: that is written down before the rows go, so nothing can be in neither."""
        count, first, last, batch_time = await self._row("position", partition)
        erased = await self._erased(partition)
        beginning = max(beginning, erased.begins)
        if not count + erased.count:
            return Position(erased.begins or None)
        if count and erased.count:
            first, last = min(first, erased.first), max(last, erased.last)
        elif erased.count:
            first, last = erased.first, erased.last
        if not erased.unsure and count + erased.count == last - first + 1 and first <= beginning:
            return Position(last + 1, batch_time)
        islands = await self._islands(partition, erased)
        # A hole that the log let go of can't be filled any more: only the audit has a word for it.
        runs = [range(max(start, beginning), end + 1) for start, end in islands if end >= beginning]
        if not runs or runs[0].start > beginning:
            runs.insert(0, range(beginning, beginning))
        return Position(runs[0].stop, batch_time, tuple(runs[1:]))

    async def _islands(self, partition: Partition, before: Erased) -> Sequence[Sequence[Any]]:
        """Runs of what is stored or erased; again where an erasure wrote its lines meanwhile."""
        while True:
            found = await self._client.query(load("islands"), parameters=partition.parameters)
            after = await self._erased(partition)
            if after.count == before.count:
                return found.result_rows
            before = after

    async def _erased(self, partition: Partition) -> Erased:
        return Erased(*await self._row("erased_position", partition))

    async def _row(self, statement: str, partition: Partition) -> Sequence[Any]:
        found = await self._client.query(load(statement), parameters=partition.parameters)
        if not found.result_rows:  # an aggregate has a row; this is what is left of an answer that was cut off
            raise Doubtful("ClickHouse did not answer how far a partition is stored")
        return found.result_rows[0]

    async def known(
        self, partition: Partition, ids: Iterable[tuple[int, int]], before: int
    ) -> frozenset[tuple[int, int]]:
        """Which of the click ids, as (src, seq), are counted already, in this partition only before an offset."""
        wanted = frozenset(ids)
        if not wanted:
            return frozenset()
        seqs = [seq for _, seq in wanted]
        parameters = {
            "srcs": sorted({src for src, _ in wanted}),
            "seq_min": min(seqs),
            "seq_max": max(seqs),
            "before": before,
        }
        return wanted.intersection(map(tuple, await self.read("known", {**partition.parameters, **parameters})))

    async def read(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows of a statement of `warehouse.sql`."""
        async with self._bounded():
            found = await self._client.query(load(statement), parameters=dict(parameters))
        return found.result_rows

    async def insert(self, partition: Partition, first: int, columns: Columns) -> None:
        """Write the rows of one batch of one partition, the first of which has the offset `first`.

        The rows stand when it returns. After `Fenced`, and after `Unstorable` that was not sent, nothing was written;
        after every other failure take the partition over to know.
        """
        nonce = self._nonces[partition]
        settings = {
            **INSERT_SETTINGS,
            "log_comment": partition.comment,
            "insert_deduplication_token": f"{nonce}-{first}",
        }
        fenced = {**columns, "fence": Coded.constant(nonce, len(columns["kafka_offset"]))}
        reach(Failpoint.BEFORE_INSERT)
        await self._write(fenced, settings)
        reach(Failpoint.AFTER_INSERT)

    async def replace(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Write rows of a table where writing one twice does no harm, if need be in several inserts.

        Such are `dead_letters` and `links`.
        """
        rows = len(next(iter(columns.values()), ()))
        try:
            if rows:
                async with self._bounded(writing=True):
                    await self._client.insert(
                        table,
                        list(columns.values()),
                        column_names=list(columns),
                        column_oriented=True,
                        settings=dict(INSERT_SETTINGS),
                    )
        except TooLarge as failure:
            if rows == 1:
                raise Doubtful(str(failure)) from failure
            for half in (slice(rows // 2), slice(rows // 2, None)):
                await self.replace(table, {name: column[half] for name, column in columns.items()})

    async def _write(self, columns: Columns, settings: dict[str, Any]) -> None:
        try:
            async with self._bounded(writing=True):
                if not self._types:
                    described = await self._client.query("DESCRIBE TABLE events")
                    self._types = {row[0]: row[1] for row in described.result_rows}
                body = block(columns, self._types)
                await self._client.raw_insert("events", list(columns), body, settings=settings, fmt="Native")
        except Failure:
            self._types = {}  # it may be that somebody altered the table
            raise

    @contextlib.asynccontextmanager
    async def _bounded(self, *, writing: bool = False) -> AsyncIterator[None]:
        """A hanging ClickHouse is one that can't be reached; what fails is told apart."""
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except Exception as error:
            failure = judge(error, writing=writing)
            if failure is error:
                raise
            raise failure from error
