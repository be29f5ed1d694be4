"""What others ask of the books: to open units again whose events have changed, and to keep some for ever.

Each is one roll of each family that it concerns, so it holds with the next answer, and does no harm twice.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from clickhouse_connect.driver.client import Client

from warehouse.rollups.book import OPEN, Unit
from warehouse.rollups.families import DAY, FAMILIES, Family
from warehouse.rollups.publish import Change, NotRolled, Overtaken, publish
from warehouse.rollups.read import Books, read_books_sync
from warehouse.rollups.statements import recount, rows
from warehouse.rollups.units import near, units_of

TRIES = 20
"""So often in a row may rollers come before."""

Units = Mapping[int, Unit]
Choose = Callable[[Books], Units]


def void(client: Client, hours: Collection[int], zone: str) -> Mapping[str, Collection[int]]:
    """Open the units of all families that lie in these hours of UTC (starts, Unix seconds), and count them anew.

    To be called when rows of them have been deleted from `events`, however often; the roller seals them again from what
    is left, and a roll that has read what was deleted is not published any more. Returns what is frozen and so can't be
    opened, family → units: the caller mends their rows.
    """
    for family in FAMILIES.values():
        touched = units_of(family.unit, hours, zone)
        # Published even where there is nothing to open: what is being rolled from the rows that are gone is overtaken.
        _write(client, family, "void", partial(_opened, client, family, touched), always=True)
    books = read_books_sync(client).books
    frozen = {name: [at for at, unit in book.units.items() if unit.frozen] for name, book in books.items()}
    touched_of = {family.name: units_of(family.unit, hours, zone) for family in FAMILIES.values()}
    return {name: found for name, units in frozen.items() if (found := touched_of[name].intersection(units))}


def reopen(client: Client, family: Family, units: Collection[int]) -> None:
    """Open some units of one family, since what stands under their seals is not what was sealed."""
    _write(client, family, "void", partial(_opened, client, family, units))


def freeze(client: Client, hours: Collection[int], zone: str) -> None:
    """Keep the units of all families that lie in these hours for ever, so that their raw rows may be dropped.

    Raises `NotRolled` where one of them is not sealed: roll it before, with `Roller.turn(now, forced)`.
    """
    for family in FAMILIES.values():
        _write(client, family, "freeze", partial(_frozen, family, units_of(family.unit, hours, zone)))


def _frozen(family: Family, touched: Collection[int], books: Books) -> Units:
    book = books.books[family.name]
    if book.number and book.switch != books.switch:
        raise NotRolled(f"{family.name} is not rolled since editions were switched.")
    found = {at: book.units[at] for at in touched if at in book.units and not book.units[at].frozen}
    if still := [at for at, unit in found.items() if not unit.seal]:
        raise NotRolled(f"{len(still)} units of {family.name} are not sealed yet.")
    return {at: unit._replace(frozen=True) for at, unit in found.items()}


def _opened(client: Client, family: Family, touched: Collection[int], books: Books) -> Units:
    """The units as they are open, with what raw has of them now."""
    book = books.books[family.name]
    units = [at for at in touched if at in book.units and not book.units[at].frozen]
    if book.switch != books.switch:
        return {}  # they are counted anew in any case
    counts: dict[int, int] = {}
    for run in near(units, 2 * DAY):
        counts |= dict(rows(client, *recount(family, book.zone, run, switch=books.switch, clock=book.clock)))
    return {at: Unit(OPEN, counts.get(at, 0)) for at in units}


def _write(client: Client, family: Family, why: str, choose: Choose, *, always: bool = False) -> None:
    """Publish what is chosen by the books as they are; again where a roller comes before."""
    for _ in range(TRIES):
        books = read_books_sync(client)
        book, units = books.books[family.name], choose(books)
        if not (units or always):
            return
        try:
            publish(client, book, Change(why, book.switch, book.zone, book.clock, units))
        except Overtaken:
            continue
        return
    raise NotRolled(f"Rollers come before again and again with {family.name}: run this again.")
