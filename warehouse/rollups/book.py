"""The book of a family: which units are sealed under which seal, and which offsets of the log that covers.

    answer = rows of live seals
           + events at offsets of the clock, in units that are open
           + events at any other offset, whatever their time

A book is a chain of *rolls*, one row each: every roll names the one that it follows, says how the clock moved, and
names every unit that was touched by the offsets that it added. Reading it is a fold, and two that write at once can't
both follow the same roll.
"""

import dataclasses
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from warehouse.rollups.clock import Clock

OPEN = 0
"""The seal of a unit that has none: its events are read raw."""

NOBODY = UUID(int=0)
"""What the first roll of a book follows."""


class Unit(NamedTuple):
    """One unit of a family, as a book knows it."""

    seal: int
    """Its live seal, which no other unit has; `OPEN`: none."""
    events: int
    """How many events of it lie at offsets of the clock; of a sealed unit the sum of `n` under its seal."""
    frozen: bool = False
    """Never sealed anew from raw, never opened, whatever editions are switched to: its raw rows may be gone."""


@dataclasses.dataclass(frozen=True)
class Roll:
    """One row of `rolls`: a step of a family's book."""

    family: str
    number: int
    roll: UUID
    follows: UUID
    whole: bool
    """True: it says everything, and nothing before it counts."""
    switch: int
    zone: str
    clock: Clock
    units: Mapping[int, Unit]
    """Start of the unit, Unix seconds → what it is from now on."""


@dataclasses.dataclass(frozen=True)
class Book:
    """What is rolled of one family, at one moment; never changed."""

    family: str
    number: int = 0
    """Of the last roll; 0: there is none yet."""
    roll: UUID = NOBODY
    switch: int = 0
    """Version in `editions` that it was made under. Under another one only frozen units count."""
    zone: str = ""
    """IANA zone whose days its units are; empty where they are hours of UTC."""
    clock: Clock = dataclasses.field(default_factory=Clock)
    units: Mapping[int, Unit] = dataclasses.field(default_factory=dict)
    """Start, Unix seconds → the unit. Every unit that has an event at an offset of the clock is here, unless …"""
    rest_is_open: bool = False
    """… this is True: then every unit that is not here is open."""

    def under(self, switch: int, zone: str) -> "Book":
        """The book as answers may use it, with this version of `editions` and days of this zone.

        Made under another switch, only its frozen units count and all others are open; days of another zone are none
        of ours: then it is a book of nothing, by which every event is read raw.
        """
        if self.zone not in {"", zone}:
            return Book(self.family)
        if self.switch == switch:
            return self
        frozen = {at: unit for at, unit in self.units.items() if unit.frozen}
        return dataclasses.replace(self, units=frozen, rest_is_open=True) if frozen else Book(self.family)

    def seals(self, start: int, end: int) -> Mapping[int, int]:
        """Units from `start` on and before `end` that are sealed: start → seal."""
        return {at: self.units[at].seal for at in self._between(start, end) if self.units[at].seal}

    def open_units(self, start: int, end: int) -> list[int]:
        """Units from `start` on and before `end` that have events at offsets of the clock and no seal, in order."""
        return [at for at in self._between(start, end) if not self.units[at].seal]

    def then(self, roll: Roll) -> "Book":
        """The book after one more roll."""
        units = roll.units if roll.whole else {**self.units, **roll.units}
        return Book(self.family, roll.number, roll.roll, roll.switch, roll.zone, roll.clock, units)

    def _between(self, start: int, end: int) -> Sequence[int]:
        return self._starts[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    @cached_property
    def _starts(self) -> Sequence[int]:
        return sorted(self.units)


def read_on(book: Book, rolls: Iterable[Roll]) -> Book:
    """The book after further rolls of its family, in any order.

    Of two that follow the same one (there are none unless ClickHouse forgot a token) the one with the lower id counts,
    and what follows the other does not.
    """
    for roll in sorted(rolls, key=lambda one: (one.number, one.roll)):
        if roll.number > book.number and (roll.whole or roll.follows == book.roll):
            book = book.then(roll)
    return book
