"""One partition's way into ClickHouse: batches of rows, one insert at a time and in order, exactly once.

After a doubt or a refusal the partition is taken over again, and what the ledger says is missing is written. An insert
that is too large goes on in halves, and smaller for a while. One that is refused for some of its rows is split until
these stand alone; their records' payloads go to `dead_letters`, and the rows are written as `dead`, so that every
offset is one row. What can't be mended here is raised: the process stops.
"""

import asyncio
import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from streams import metrics
from streams.batch import Records
from streams.dead_ratio import DeadRatio
from streams.decode import DeadReason, dead_letter
from streams.letters import Letters
from streams.patience import Patience
from streams.rows import dead_letter_columns, dead_rows
from warehouse.columns import Columns, coded, cut, picked
from warehouse.failures import Doubtful, Failure, Fenced, Refused, TooLarge, Unstorable
from warehouse.ledger import Ledger, Partition, Position

log = structlog.get_logger()

Rows = Columns
"""Columns of `events` for a run of records."""


class Gap(Exception):
    """The log or the ledger skips offsets that were neither read nor stored."""


@dataclasses.dataclass(frozen=True)
class Built:
    """Rows in the order of their offsets, and the records that they were made of."""

    rows: Rows
    records: Records
    dead: bool = False
    """It is one row that could not be stored as it was."""

    def halves(self) -> tuple["Built", "Built"]:
        """The first half and the second; there must be two rows."""
        middle = len(self.records) // 2
        return self._cut(slice(middle)), self._cut(slice(middle, None))

    def _cut(self, part: slice) -> "Built":
        return Built(cut(self.rows, part), self.records[part])


class Inserter:
    """Writes one partition as long as this process owns it."""

    def __init__(
        self,
        partition: Partition,
        ledger: Ledger,
        done: Callable[[int], None],
        patience: Patience,
        ratio: DeadRatio,
        *,
        follow: Callable[[Rows], Awaitable[None]] | None = None,
        letters: Letters | None = None,
    ) -> None:
        """`done` is told how far it is stored; where somebody is to `follow` with the rows, it is his to say that."""
        self.partition = partition
        self.position = Position(None)
        """How far the ledger was when it was last asked, or written to."""
        self._ledger, self._done, self._patience, self._ratio = ledger, done, patience, ratio
        self._follow, self._letters = follow, letters or Letters(ledger)
        self._beginning = 0
        self._most: float = float("inf")
        self._in_doubt = False
        self._refused = False

    async def open(self, beginning: int) -> Position:
        """Take the partition over; `beginning` is the first offset that the log still has."""
        self._beginning = beginning
        self.position = await self._patience(self._take_over)
        return self.position

    async def store(self, built: Built) -> None:
        """Write the rows exactly once and in order, in as many inserts as it takes; say after each how far it is."""
        left = deque([built])
        while left:
            piece = left.popleft()
            if 1 < len(piece.records) > self._most:
                left.extendleft(reversed(piece.halves()))
                continue
            try:
                await self._patience(lambda piece=piece: self._attempt(piece))  # type: ignore[misc]  # bound to this one
            except TooLarge as failure:
                left.appendleft(piece)
                await self._shrink(len(piece.records) // 2, failure)
            except Unstorable as failure:
                left.extendleft(reversed(await self._split(piece, failure)))
            else:
                self._stored(piece)
                if self._follow is not None:
                    await self._follow(piece.rows)

    async def look_back(self) -> None:
        """Raise `Gap` where rows that were stored are gone; ClickHouse does not fsync."""
        before = self.position.next
        self._check(before, await self._ledger.position(self.partition, self._beginning))

    async def _attempt(self, piece: Built) -> None:
        """Insert what is missing of the rows. After a doubt or a refusal the ledger is asked what that is."""
        if self._in_doubt:
            await self._reopen()
        if not (missing := self._missing(piece.rows)):
            return
        self._in_doubt = True  # until the insert says that it stands
        try:
            with metrics.INSERT_SECONDS.time():
                await self._ledger.insert(self.partition, int(missing["kafka_offset"][0]), missing)
        except Failure as failure:
            raise self._judge(failure, len(missing["kafka_offset"])) from failure
        self._in_doubt = False
        for outcome, count in coded(missing.get("outcome", [])).counts().items():
            metrics.STORED.labels(str(outcome)).inc(count)

    def _judge(self, failure: Failure, rows: int) -> Failure:
        """What a failure of an insert of so many rows means here; told and counted."""
        match failure:
            case Unstorable(sent=False):
                self._in_doubt = False
            case Fenced() if not self._refused:
                self._refused = True
                metrics.DOUBTS.labels("refused").inc()
                log.warning("insert refused, fencing again", **self.where())
                return Doubtful(str(failure))
            case Doubtful():
                metrics.DOUBTS.labels("in doubt").inc()
                log.warning("insert in doubt", **self.where(), reason=str(failure))
            case TooLarge() if rows == 1:
                return Doubtful(str(failure))
        return failure  # fenced twice in a row: somebody else owns the partition by now

    def _stored(self, piece: Built) -> None:
        self._refused = False
        self._most *= 1.125  # after half a dozen inserts it is tried again what was too large
        if not piece.dead:
            self._ratio.observe(len(piece.records), 0)
        # Asked in a doubt, the ledger may have said that more is stored than this: another owner went on meanwhile.
        stored_to = max(int(piece.rows["kafka_offset"][-1]) + 1, self.position.next or 0)
        self.position = dataclasses.replace(self.position, next=stored_to)
        metrics.POSITION.labels(self.partition.number).set(stored_to)
        if self._follow is None:
            self._done(stored_to)

    async def _shrink(self, rows: int, failure: TooLarge) -> None:
        self._most = rows
        metrics.SPLITS.labels("too large").inc()
        log.warning("insert too large, going on with smaller ones", **self.where(), rows=rows, reason=str(failure))
        await asyncio.sleep(self._patience.pause)

    async def _split(self, piece: Built, failure: Unstorable) -> Sequence[Built]:
        """What to write instead of a piece that was refused for some of its rows."""
        if len(piece.records) > 1:
            metrics.SPLITS.labels("unstorable").inc()
            return piece.halves()
        if piece.dead:
            raise Refused(f"not even an empty row can be stored: {failure}") from failure
        self._ratio.observe(1, 1)
        log.warning("a row can't be stored, its record is a dead letter", **self.where(), reason=str(failure))
        letter = {0: dead_letter(piece.records.values[0], DeadReason.UNSTORABLE, str(failure))}
        letters = dead_letter_columns(
            self.partition.topic_id, self.partition.number, piece.records, letter, stage="insert"
        )
        await self._patience(lambda: self._letters.put(letters))
        return [Built(dead_rows(piece.rows), piece.records, dead=True)]

    def _missing(self, rows: Rows) -> Rows:
        offsets = rows["kafka_offset"]
        if self.position.nothing_from(offsets[0]):
            return rows
        keep = [index for index, offset in enumerate(offsets) if self.position.missing(offset)]
        return rows if len(keep) == len(offsets) else picked(rows, keep) if keep else {}

    async def _reopen(self) -> None:
        before, self.position = self.position.next, await self._take_over()
        self._check(before, self.position)
        self._in_doubt = False

    def _check(self, before: int | None, now: Position) -> None:
        if before is not None and (now.next is None or now.next < before):
            raise Gap(f"{self.partition.comment}: rows from {now.next or 0} to {before} are gone from ClickHouse")

    async def _take_over(self) -> Position:
        return await self._ledger.take_over(self.partition, self._beginning)

    def where(self) -> dict[str, Any]:
        """Which partition and how far, for a line of the log."""
        return {"partition": self.partition.number, "topic_id": str(self.partition.topic_id), "at": self.position.next}
