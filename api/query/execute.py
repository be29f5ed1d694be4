"""Steps 2 to 4 of a query: plan → build → run, over books of rollups that are read again every few seconds."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from api.errors import TooExpensive
from api.query.build import build
from api.query.parse import Question
from api.query.plan import Plan, plan
from api.query.rollups import NO_LAYERS, Rollups
from api.query.run import Rows, Switched, Warehouse
from api.query.statement import Statement, template
from warehouse.replays.layers import Arrays
from warehouse.rollups.clock import Clock
from warehouse.rollups.read import Books

BOOKS_SECONDS = 5.0
"""How old books may be. It costs no freshness: what came after their clocks is read from the records."""
_LAYERS = Path(__file__).with_name("layers.sql").read_text()
_LATE_FROM = template("late_from")
_SIZES = Statement(Path(__file__).with_name("sizes.sql").read_text(), {})


@dataclass(frozen=True)
class Executed:
    """Rows, and where they are from."""

    plan: Plan
    rows: Rows


@dataclass
class Executor:
    """Answers questions of one installation; any number of them at once."""

    warehouse: Warehouse
    zone: str
    """The installation's, in whose days visitors are told apart."""
    _books: Books = field(default_factory=Books)
    _rollups: Rollups = field(default_factory=Rollups)
    _read_at: float = float("-inf")
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def execute(self, question: Question, rows: int, wanted: Sequence[Sequence[str]] = ()) -> Executed:
        """The first so many rows of the answer, or those of the wanted groups; raises `ApiError`.

        Where history is switched between books and statement, it begins anew, once.
        """
        try:
            return await self._execute(question, rows, wanted, BOOKS_SECONDS)
        except Switched:
            return await self._execute(question, rows, wanted, 0)

    async def _execute(
        self, question: Question, rows: int, wanted: Sequence[Sequence[str]], books_seconds: float
    ) -> Executed:
        planned = plan(question, await self._fresh(books_seconds))
        try:
            return Executed(planned, await self.warehouse.run(build(question, planned, rows=rows, wanted=wanted)))
        except TooExpensive as error:
            told = TooExpensive(error.message, hint=f"{planned.why} {error.hint}".strip())
            told.extra = error.extra
            raise told from error

    async def _fresh(self, seconds: float) -> Rollups:
        """The rollups, as their books said at most so many seconds ago; many that ask at once wait for one reading."""
        asked_at = time.monotonic()
        async with self._reading:
            if self._read_at < asked_at - seconds:
                began = time.monotonic()
                self._rollups, self._read_at = await self._read(), began
            return self._rollups

    async def _read(self) -> Rollups:
        self._books = await self.warehouse.books(self._books)
        switch, layers = self._books.switch, self._rollups.layers
        if switch != self._rollups.switch:
            [found] = (await self.warehouse.fetch(Statement(_LAYERS, {"switch": switch}))).values or [NO_LAYERS]
            layers = Arrays(*found)
        sizes = {str(table): int(rows) for table, rows in (await self.warehouse.fetch(_SIZES)).values}
        return Rollups.of(self._books, layers, self.zone, sizes, [await self._late(clock) for clock in self._clocks()])

    def _clocks(self) -> list[Clock]:
        """Those of all books, each once: families that were rolled together have the same."""
        found: list[Clock] = []
        for book in self._books.books.values():
            if book.number and book.clock not in found:
                found.append(book.clock)
        return found

    async def _late(self, clock: Clock) -> tuple[Clock, date]:
        """The first day, by `batch_time`, of records that a clock has not, now and until the books are read again.

        What comes meanwhile is of today, unless a worker that was away for days goes on just then with a partition in
        which there was nothing: then it is in the answers when the books are read again. To have each statement find
        the day would cost it as much as the rest of it.
        """
        sql = _LATE_FROM.substitute(first_day_beyond=clock.first_day_beyond("clock"))
        [[day]] = (await self.warehouse.fetch(Statement(sql, clock.parameters("clock")))).values
        return clock, day
