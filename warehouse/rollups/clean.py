"""Looking after the tables: whether live seals have what they should, and rows that no book names any more.

ClickHouse may lose parts that it has acknowledged when a machine dies; the rollups' tables ask for fsync, and are
looked at all the same.
"""

import time
from collections.abc import Callable, Collection, Mapping

from clickhouse_connect.driver.client import Client

from warehouse.failpoints import Failpoint, reach
from warehouse.rollups.book import Book
from warehouse.rollups.desk import reopen
from warehouse.rollups.families import FAMILIES, Family
from warehouse.rollups.read import read_books_sync
from warehouse.rollups.statements import limits, rows, sums
from warehouse.rollups.units import sealed_at

DEAD_SECONDS = 900
"""How long a seal must have been dead: an answer that began before it died reads it, for ten minutes at the most."""
YOUNG_SECONDS = 3600
"""A seal that is younger may be of a roll that is still to be published."""


class Cleaner:
    """Remembers since when seals are dead."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._dead: dict[int, float] = {}

    def look(self, now: float) -> Mapping[str, Collection[int]]:
        """Open units whose rows are not what was sealed, and delete rows of dead seals.

        Returns the units that were opened, or should be and are frozen, by family.
        """
        return {family.name: lost for family in FAMILIES.values() if (lost := self._look_at(family, now))}

    def _look_at(self, family: Family, now: float) -> Collection[int]:
        before = self._book(family)
        found = dict(rows(self._client, *sums(family)))
        book = self._book(family)
        # Only what was live before and after was live meanwhile; only what is dead in both was dead.
        live = {unit.seal: at for at, unit in book.units.items() if unit.seal and before.units.get(at) == unit}
        lost = [at for seal, at in live.items() if found.get(seal, 0) != book.units[at].events]
        if lost:
            reopen(self._client, family, lost)
        named = {unit.seal for known in (before, book) for unit in known.units.values()}
        self._delete(family, [seal for seal in found if seal not in named], now)
        return lost

    def _delete(self, family: Family, dead: Collection[int], now: float) -> None:
        since = self._clock()
        for seal in dead:
            self._dead.setdefault(seal, since)
        gone = [s for s in dead if since - self._dead[s] >= DEAD_SECONDS and now - sealed_at(s) >= YOUNG_SECONDS]
        if not gone:
            return
        reach(Failpoint.BEFORE_CLEAN)
        self._client.command(
            f"ALTER TABLE {family.table} DELETE WHERE seal IN {{seals:Array(UInt64)}}",
            parameters={"seals": gone},
            settings=limits() | {"mutations_sync": 1},
        )
        for seal in gone:
            del self._dead[seal]

    def _book(self, family: Family) -> Book:
        return read_books_sync(self._client).books[family.name]
