"""What is to be rolled of a family: a pure function of its book, of what was counted since, and of the time."""

import dataclasses
from collections.abc import Callable, Collection, Mapping

from warehouse.rollups.book import OPEN, Book, Unit
from warehouse.rollups.clock import Clock

GRACE = 300
"""Seconds after its end from which a unit is closed: what comes later costs a sealing of its own, and nothing else."""

TAIL = 500_000
"""Events beyond a clock from which it is moved on though no unit has ended: every answer reads them raw."""

PIECE = 2_000_000
"""Events that are sealed from raw in one roll: history is filled in pieces of this size, or of one unit."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """One roll of one family; units by their start, Unix seconds."""

    book: Book
    """What it follows."""
    clock: Clock
    """The clock after it."""
    merged: Mapping[int, Unit]
    """Sealed units that got late clicks: what they will be, but for the seal. The old seal's rows and the clicks'."""
    fresh: Mapping[int, Unit]
    """Open units that are sealed from raw: what they will be, but for the seal."""
    open: Mapping[int, Unit]
    """Units that got clicks and stay open."""
    left: int
    """Units that could be sealed as well, and are left to the next roll."""

    @property
    def changes(self) -> bool:
        """Whether it does anything."""
        return bool(self.merged or self.fresh or self.open or self.clock != self.book.clock)


def plan(
    book: Book,
    clock: Clock,
    counts: Mapping[int, int],
    *,
    closed: Callable[[int], bool],
    forced: Collection[int] = (),
    piece: int = PIECE,
) -> Plan:
    """What to roll, from the book, the new clock, and the events by unit at the offsets that it adds.

    `closed` says whether a unit has ended; `forced` ones are sealed in any case. The newest units are sealed first.
    """
    touched = {at: book.units.get(at, Unit(OPEN, 0)) for at in counts}
    merged = {at: _more(unit, counts[at]) for at, unit in touched.items() if unit.seal}
    now_open = {at: unit for at, unit in book.units.items() if not unit.seal}
    now_open |= {at: _more(unit, counts[at]) for at, unit in touched.items() if not unit.seal}
    due = [at for at in sorted(now_open, reverse=True) if at in forced or closed(at)]
    fresh: dict[int, Unit] = {}
    room = piece
    for at in due:
        room -= now_open[at].events
        if fresh and room < 0:
            break
        fresh[at] = now_open[at]
    still = {at: unit for at, unit in now_open.items() if at in counts and at not in fresh}
    return Plan(book, clock, merged, fresh, still, len(due) - len(fresh))


def _more(unit: Unit, events: int) -> Unit:
    return unit._replace(events=unit.events + events)
