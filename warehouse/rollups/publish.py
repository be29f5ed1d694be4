"""Publishing: the one insert of one row that makes a roll count, by which a book moves on."""

import dataclasses
from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import uuid4

from clickhouse_connect.driver.client import Client

from warehouse.failpoints import Failpoint, reach
from warehouse.rollups.book import Book, Unit
from warehouse.rollups.clock import Clock

TRIES = 5


class Overtaken(Exception):
    """Somebody else's roll follows the same one: nothing was changed, and the book is to be read again."""


@dataclasses.dataclass(frozen=True)
class Change:
    """What a roll says, to be written after the last roll of a book."""

    why: str
    switch: int
    zone: str
    clock: Clock
    units: Mapping[int, Unit]
    whole: bool = False


def publish(client: Client, book: Book, change: Change) -> None:
    """Write a roll that follows the book's last one. When it returns, it counts. Raises `Overtaken`.

    Of those who follow the same roll the first has the token; the others' rows are not taken, and they find that out by
    looking. Where nobody's row is there although the token is taken (ClickHouse was killed between the two), it is
    tried under another one.
    """
    roll = uuid4()
    row = {
        "family": book.family,
        "number": book.number + 1,
        "roll": roll,
        "follows": book.roll,
        "whole": change.whole,
        "why": change.why,
        "switch": change.switch,
        "zone": change.zone,
        **change.clock.packed()._asdict(),
        "units.start": list(change.units),
        "units.seal": [unit.seal for unit in change.units.values()],
        "units.events": [unit.events for unit in change.units.values()],
        "units.frozen": [unit.frozen for unit in change.units.values()],
    }
    reach(Failpoint.BEFORE_PUBLISH)
    for attempt in count():
        _insert(client, row, f"{book.family}-{book.number + 1}-{book.roll}-{attempt}")
        found = _written(client, book)
        if found and min(found) == roll:
            break
        if found or attempt == TRIES:
            raise Overtaken(f"Another roller has rolled {book.family}.")
    reach(Failpoint.AFTER_PUBLISH)


def _insert(client: Client, row: Mapping[str, Any], token: str) -> None:
    settings = {"async_insert": 0, "insert_deduplicate": 1, "insert_deduplication_token": token}
    client.insert("rolls", [list(row.values())], column_names=list(row), settings=settings)


def _written(client: Client, book: Book) -> list[Any]:
    parameters = {"family": book.family, "number": book.number + 1, "follows": str(book.roll)}
    found = client.query(
        "SELECT roll FROM rolls WHERE family = {family:String} AND number = {number:UInt64}"
        " AND follows = {follows:UUID}",
        parameters=parameters,
    )
    return [row[0] for row in found.result_rows]
