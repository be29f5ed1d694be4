"""The roller: brings the book of every family up to date, a roll a family, whoever else does the same.

Exactly once: what a roll writes lies under seals that nobody reads until the one insert that publishes it, and that
insert can only follow the roll whose book it was made from. A roll that dies, is refused or comes second leaves rows
under seals that the cleaner removes.
"""

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from clickhouse_connect.driver.client import Client

from warehouse.failpoints import Failpoint, reach
from warehouse.rollups import census
from warehouse.rollups.book import Book, Unit
from warehouse.rollups.census import Census, Uneven
from warehouse.rollups.clock import Clock, Run
from warehouse.rollups.desk import reopen
from warehouse.rollups.families import DAY, FAMILIES, Family, UnitKind
from warehouse.rollups.plan import GRACE, PIECE, TAIL, Plan, plan
from warehouse.rollups.publish import Change, NotRolled, write
from warehouse.rollups.read import Books, read_books_sync
from warehouse.rollups.statements import Statement, fresh, limits, merged, rows, sums
from warehouse.rollups.units import end_of, near, new_seal, seal_of, unit_of

Taken = dict[tuple[UnitKind, tuple[Run, ...]], Census]
"""What was counted already in this turn: most families have the same clock."""

LONGEST_ROLL = 1200
"""Seconds after which a roll is not published any more: whoever cleans may take its rows for those of a dead roller."""

WHOLE_EVERY = 500
"""Every so many rolls one says everything, so that whoever begins to read a book reads no more than these."""


@dataclasses.dataclass(frozen=True)
class Rolled:
    """What was done for one family."""

    family: str
    sealed: int = 0
    """Units that were sealed from raw."""
    merged: int = 0
    """Sealed units that were sealed again with late clicks."""
    events: int = 0
    """Events in both."""
    left: int = 0
    """Units that could be sealed as well, and wait for the next roll."""
    behind: int = 0
    """Stored offsets that the book does not count yet."""
    seconds: float = 0.0
    trouble: str = ""
    """Why it was not published."""


class Roller:
    """Rolls all families; any number of them may do so at once."""

    def __init__(self, client: Client, zone: str, *, megabytes: int = 1000, piece: int = PIECE) -> None:
        self._client, self._zone, self._piece = client, zone, piece
        self._limits = limits(megabytes)
        self._done: dict[str, int] = {}
        """Family → the unit in which it was rolled last: until that has ended nothing can be sealed."""
        self._written: dict[str, UUID] = {}
        """Family → the roll that was written in this turn."""
        self._attempts: Counter[str] = Counter()
        """Family → how often in a row nobody's roll was taken."""
        self.books = Books()
        """As they were read last."""

    def turn(
        self,
        now: float,
        forced: Mapping[str, Collection[int]] | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> list[Rolled]:
        """One roll of each family for which it is time. Raises clickhouse-connect's errors.

        `forced` units are sealed although they have not ended: family → starts. It ends early, between two families,
        where `stopping` says so.
        """
        self.books = read_books_sync(self._client, self.books)
        log = census.stored(self._client)
        taken: Taken = {}
        forced = forced or {}
        return self._taken(
            [
                self._roll(family, log, taken, now, forced.get(family.name, ()))
                for family in FAMILIES.values()
                if not stopping()
            ]
        )

    def _roll(self, family: Family, log: Clock, taken: Taken, now: float, forced: Collection[int]) -> Rolled:
        began = time.monotonic()
        book = self.books.books[family.name]
        unit = unit_of(family.unit, int(now) - GRACE, self._zone_of(family) or "UTC")
        behind = (log - book.clock).height
        if not (forced or self._is_new(family, book) or behind >= TAIL or self._done.get(family.name) != unit):
            return Rolled(family.name, behind=behind)
        try:
            todo = self._plan(family, log, taken, now, forced)
            rolled = self._carry_out(family, todo, now, began) if todo.changes else Rolled(family.name)
        except (NotRolled, Uneven) as error:
            return Rolled(family.name, behind=behind, trouble=str(error), seconds=time.monotonic() - began)
        if not todo.left:
            self._done[family.name] = unit
        behind = (log - todo.clock).height
        return dataclasses.replace(rolled, left=todo.left, behind=behind, seconds=time.monotonic() - began)

    def _taken(self, rolled: list[Rolled]) -> list[Rolled]:
        """What was done, once the books say whose rolls count."""
        if not self._written:
            return rolled
        before, self.books = self.books, read_books_sync(self._client, self.books)
        for name, roll in self._written.items():
            last = self.books.books[name].roll
            self._attempts[name] = self._attempts[name] + 1 if last == before.books[name].roll else 0
            if last != roll:
                self._done.pop(name, None)
        lost = {name for name, roll in self._written.items() if self.books.books[name].roll != roll}
        self._written.clear()
        return [
            Rolled(one.family, behind=one.behind, seconds=one.seconds, trouble="Another roller came before.")
            if one.family in lost
            else one
            for one in rolled
        ]

    def _plan(self, family: Family, log: Clock, taken: Taken, now: float, forced: Collection[int]) -> Plan:
        zone, book = self._zone_of(family), self.books.books[family.name]
        frozen = {at: unit for at, unit in book.units.items() if unit.frozen}
        if book.zone != zone and frozen:
            raise NotRolled(
                f"{family.name} has days of {book.zone} that can't be made again: set WEIR_TIME_ZONE to it."
            )

        def count(known: Clock) -> Census:
            place = family.unit, tuple(known.runs)
            if place not in taken:
                taken[place] = census.take(self._client, family.unit, zone, self.books.switch, known=known, log=log)
            return taken[place]

        def closed(at: int) -> bool:
            return end_of(family.unit, at, zone) + GRACE <= now

        if not self._is_new(family, book):
            found = count(book.clock)
            return plan(book, found.clock, found.counts, closed=closed, forced=forced, piece=self._piece)
        found = count(Clock())
        counts = {at: events for at, events in found.counts.items() if at not in frozen}
        if frozen:  # raw no longer has all of them: what they have stays, and what came since is added
            late = count(book.clock)
            counts |= {at: events for at, events in late.counts.items() if at in frozen}
            found = Census(found.clock | late.clock, counts)
        kept = dataclasses.replace(book, units=frozen)
        return plan(kept, found.clock, counts, closed=closed, forced=forced, piece=self._piece)

    def _is_new(self, family: Family, book: Book) -> bool:
        """Whether the book has to be begun anew: there is none, or editions or the zone have changed since."""
        return not book.number or book.switch != self.books.switch or book.zone != self._zone_of(family)

    def _zone_of(self, family: Family) -> str:
        return self._zone if family.grain == DAY else ""

    def _carry_out(self, family: Family, todo: Plan, now: float, began: float) -> Rolled:
        zone, base, switch = self._zone_of(family), new_seal(now), self.books.switch
        for run in near(todo.merged, 2 * DAY):
            units = {at: todo.book.units[at] for at in run}
            known = todo.book.clock
            self._run(merged(family, zone, base, units, switch=switch, known=known, added=todo.clock - known))
        for run in near(todo.fresh, 2 * DAY):
            self._run(fresh(family, zone, base, run, switch=switch, clock=todo.clock))
        sealed = {at: unit._replace(seal=seal_of(base, at)) for at, unit in {**todo.merged, **todo.fresh}.items()}
        short = self._short(family, sealed)
        if late := short & todo.merged.keys():
            reopen(self._client, family, late)
            raise NotRolled(f"{family.name} had lost rows of {len(late)} units: they are made again from raw.")
        units = {**sealed, **todo.open, **{at: todo.fresh[at] for at in short}}
        self._publish(family, todo, units, began)
        return Rolled(
            family.name, len(todo.fresh) - len(short), len(todo.merged), sum(u.events for u in sealed.values())
        )

    def _run(self, statement: Statement) -> None:
        sql, parameters = statement
        reach(Failpoint.BEFORE_SEAL)
        self._client.command(sql, parameters=parameters, settings=self._limits)
        reach(Failpoint.AFTER_SEAL)

    def _short(self, family: Family, sealed: Mapping[int, Unit]) -> set[int]:
        """Units whose seal has not what it should, since rows are lost: they stay open until those are back."""
        if not sealed:
            return set()
        found = dict(rows(self._client, *sums(family, [unit.seal for unit in sealed.values()])))
        return {at for at, unit in sealed.items() if found.get(unit.seal, 0) != unit.events}

    def _publish(self, family: Family, todo: Plan, units: Mapping[int, Unit], began: float) -> None:
        """Under the switch at which the books were read: with another one since, the roll counts for nothing."""
        if time.monotonic() - began > LONGEST_ROLL:
            raise NotRolled(f"Rolling {family.name} took more than {LONGEST_ROLL} seconds, so it does not count.")
        whole = self._is_new(family, self.books.books[family.name]) or (todo.book.number + 1) % WHOLE_EVERY == 0
        units = {**todo.book.units, **units} if whole else units
        change = Change("roll", self.books.switch, self._zone_of(family), todo.clock, units, whole)
        attempt = self._attempts[family.name]
        self._written[family.name] = write(self._client, todo.book, change, attempt)


def roll_due(client: Client, now: float, zone: str) -> None:
    """Roll everything that is due as of a moment (Unix seconds), of every family; returns when it is done.

    Raises `NotRolled` where a family can't be rolled.
    """
    roller = Roller(client, zone)
    while True:
        done = roller.turn(now)
        if trouble := next((one.trouble for one in done if one.trouble), ""):
            raise NotRolled(trouble)
        if not any(one.left for one in done):
            return
