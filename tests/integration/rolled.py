"""A random state of the rollups for tests: any units sealed of any family, up to any clock, with dead rows beside them.

Rolled by plain SQL over `events` and kept in books that no roller wrote, so that every state that the books can
describe is met, whether or not a roller would ever leave it.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from clickhouse_connect.driver.client import Client

from warehouse.rollups.book import Book, Unit
from warehouse.rollups.clock import Clock
from warehouse.rollups.families import DAY, FAMILIES, PRECISION, Family, UnitKind
from warehouse.rollups.read import Books
from warehouse.sql import load

COUNTED = "outcome IN ('human', 'suspect') AND visitor_id != 0"
MEASURES = (
    f"uniqCombined64StateIf({PRECISION})(salt_day, visitor_id, {COUNTED}) AS visitors,"
    f" countIf({COUNTED}) AS visitor_clicks"
)


def random_clock(chance: random.Random, ends: Sequence[tuple[UUID, int, int]]) -> Clock:
    """Some of the offsets of each (topic, partition, end); of some partitions none, of some with a hole."""
    runs: list[tuple[UUID, int, int, int]] = []
    for topic_id, partition, end in ends:
        at = chance.choice((0, end, end, chance.randint(0, end)))
        hole = chance.randint(0, at) if chance.random() < 0.3 else at
        runs += [(topic_id, partition, 0, hole), (topic_id, partition, min(hole + 5, at), at)]
    return Clock.of(runs)


def roll(client: Client, chance: random.Random, family: Family, clock: Clock, zone: str) -> Book:
    """Seal some of the units of one family, and leave dead rows of others."""
    day = family.unit is UnitKind.DAY
    unit = "toUnixTimestamp(toStartOfDay(ts, {zone:String}))" if day else "toUnixTimestamp(toStartOfHour(ts))"
    parameters = {"zone": zone, **clock.parameters("clock")}
    counted = f"{load('live')} AND {clock.condition('clock')}"
    grouped = f"SELECT {unit} AS unit, count() FROM events WHERE {counted} GROUP BY unit ORDER BY unit"
    found = client.query(f"WITH {load('switched')} {grouped}", parameters=parameters).result_rows
    share = chance.choice((0.3, 0.95, 1))
    units = {at: Unit(chance.randint(1, 2**63) if chance.random() < share else 0, events) for at, events in found}
    sealed = {at: sealed.seal for at, sealed in units.items() if sealed.seal}
    dead = {at: chance.randint(1, 2**63) for at in sealed if chance.random() < 0.3}
    grain = (
        "toDateTime(unit, 'UTC')" if family.grain == DAY else f"toStartOfInterval(ts, INTERVAL {family.grain} SECOND)"
    )
    for seals in (sealed, dead):
        client.command(
            f"INSERT INTO {family.table} WITH {load('switched')}, {unit} AS unit"
            f" SELECT transform(unit, {{units:Array(UInt32)}}, {{seals:Array(UInt64)}}, toUInt64(0)) AS seal,"
            f" {grain} AS grain, {', '.join(family.keys)}, count() AS n{', ' + MEASURES if family.visitors else ''}"
            f" FROM events WHERE {counted} AND unit IN {{units:Array(UInt32)}} GROUP BY ALL",
            parameters={**parameters, "units": list(seals), "seals": list(seals.values())},
        )
    return Book(family.name, 1, zone=zone if day else "", clock=clock, units=units)


def random_books(client: Client, chance: random.Random, ends: Sequence[tuple[UUID, int, int]], zone: str) -> Books:
    """Books of all families with their rows: some not begun, some of another switch with frozen units."""
    switch = int(client.query("SELECT max(version) FROM editions").result_rows[0][0])
    together = random_clock(chance, ends)
    books = dict(Books().books)
    for family in FAMILIES.values():
        if chance.random() < 0.2:
            continue
        clock = together if chance.random() < 0.5 else random_clock(chance, ends)
        book = replace(roll(client, chance, family, clock, zone), switch=switch)
        if chance.random() < 0.3:
            units = {
                at: unit._replace(frozen=bool(unit.seal) and chance.random() < 0.5) for at, unit in book.units.items()
            }
            book = replace(book, units=units, switch=chance.choice((switch, switch + 1)))
        books[family.name] = book
    return Books(switch, books)
