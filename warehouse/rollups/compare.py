"""Rollups against the records: whether what stands under live seals is what `events` has at the offsets of the clock.

It reads, and never mends. What differs is looked at a second time with the books as they are then: a roll or an
erasure may have come between.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Mapping

from clickhouse_connect.driver.client import Client

from warehouse.rollups.book import Unit
from warehouse.rollups.families import DAY, FAMILIES, Family
from warehouse.rollups.read import Books, read_books_sync
from warehouse.rollups.statements import compared, rows, sealed, visitors
from warehouse.rollups.units import near

Outcomes = Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Difference:
    """A unit whose rollup does not have what the records have."""

    family: str
    unit: int
    """Its start, Unix seconds."""
    rolled: Outcomes
    """Events by outcome under its seal; where visitors differ, visitors by domain."""
    raw: Outcomes
    """The same of the records."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All families at one moment."""

    units: int = 0
    """Sealed units that were compared."""
    differences: tuple[Difference, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether no unit differs."""
        return not self.differences


def compare(client: Client, since: int = 0) -> Comparison:
    """Compare the sealed units that start at `since` (Unix seconds) or later, and the visitors of the newest day.

    Frozen units are not compared: their records may be gone. Raises clickhouse-connect's errors.
    """
    books = read_books_sync(client)
    count = sum(len(_units(books, family, since)) for family in FAMILIES.values())
    found = [one for family in FAMILIES.values() for one in _compare(client, books, family, since)]
    if found:
        books = read_books_sync(client, books)
        units = {family.name: {one.unit for one in found if one.family == family.name} for family in FAMILIES.values()}
        found = [
            one
            for family in FAMILIES.values()
            for one in _compare(client, books, family, since, only=units[family.name])
        ]
    return Comparison(count, tuple(found))


def _units(books: Books, family: Family, since: int) -> dict[int, Unit]:
    book = books.books[family.name]
    if book.switch != books.switch:
        return {}
    return {at: unit for at, unit in book.units.items() if unit.seal and not unit.frozen and at >= since}


def _compare(
    client: Client, books: Books, family: Family, since: int, only: Collection[int] | None = None
) -> list[Difference]:
    units = {at: unit for at, unit in _units(books, family, since).items() if only is None or at in only}
    found: list[Difference] = []
    for run in near(units, 2 * DAY):
        found += _of_run(client, books, family, {at: units[at] for at in run})
    if family.visitors and units and not found:
        found += [one for at in only or [max(units)] if (one := _visitors(client, books, family, at))]
    return found


def _of_run(client: Client, books: Books, family: Family, units: Mapping[int, Unit]) -> list[Difference]:
    book = books.books[family.name]
    raw = _by_unit(client, *compared(family, book.zone, units, switch=books.switch, clock=book.clock))
    rolled = _by_unit(client, *sealed(family, book.zone, units))
    return [Difference(family.name, at, rolled[at], raw[at]) for at in units if rolled[at] != raw[at]]


def _by_unit(client: Client, sql: str, parameters: Mapping[str, object]) -> defaultdict[int, dict[str, int]]:
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for unit, outcome, events in rows(client, sql, parameters):
        found[unit][outcome] = events
    return found


def _visitors(client: Client, books: Books, family: Family, at: int) -> Difference | None:
    book = books.books[family.name]
    seal = book.units[at].seal
    found = rows(client, *visitors(family, book.zone, seal, at, switch=books.switch, clock=book.clock))
    if all(rolled == raw for _, rolled, raw in found):
        return None
    return Difference(family.name, at, {row[0]: row[1] for row in found}, {row[0]: row[2] for row in found})
