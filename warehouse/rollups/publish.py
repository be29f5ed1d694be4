"""Publishing: the one insert of one row by which a book moves on."""

import dataclasses
import json
from collections.abc import Mapping
from uuid import UUID, uuid4

from clickhouse_connect.driver.client import Client

from warehouse.failpoints import Failpoint, reach
from warehouse.rollups.book import Book, Unit
from warehouse.rollups.clock import Clock

TRIES = 5


class NotRolled(Exception):
    """A family can't be rolled now; the message says why, and what to do."""


class Overtaken(NotRolled):
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
    """Write a roll that follows the book's last one, and look whether it counts. Raises `Overtaken`.

    Of those who follow the same roll the first has the token; the others' rows are not taken. Where nobody's row is
    there although the token is taken (ClickHouse was killed between the two), it is tried under another one.
    """
    for attempt in range(TRIES):
        roll = write(client, book, change, attempt)
        found = _written(client, book)
        if found and min(found) == roll:
            return
        if found:
            break
    raise Overtaken(f"Another roller has rolled {book.family}.")


def write(client: Client, book: Book, change: Change, attempt: int) -> UUID:
    """Write a roll that follows the book's last one, under the token of this attempt; gives its id.

    Whether it counts is known when the book is read again: if its last roll is another than before, somebody's was
    taken; if it still is the same, nobody's was, and the next attempt needs another token.
    """
    roll = uuid4()
    row = {
        "family": book.family,
        "number": book.number + 1,
        "roll": str(roll),
        "follows": str(book.roll),
        "whole": int(change.whole),
        "why": change.why,
        "switch": change.switch,
        "zone": change.zone,
        **change.clock.packed()._asdict(),
        "units.start": list(change.units),
        "units.seal": [unit.seal for unit in change.units.values()],
        "units.events": [unit.events for unit in change.units.values()],
        "units.frozen": [int(unit.frozen) for unit in change.units.values()],
    }
    token = f"{book.family}-{book.number + 1}-{book.roll}-{attempt}"
    settings = {"async_insert": 0, "insert_deduplicate": 1, "insert_deduplication_token": token}
    body = json.dumps(row, default=str).encode()
    reach(Failpoint.BEFORE_PUBLISH)
    client.raw_insert("rolls", list(row), body, settings=settings, fmt="JSONEachRow")
    reach(Failpoint.AFTER_PUBLISH)
    return roll


def _written(client: Client, book: Book) -> list[UUID]:
    parameters = {"family": book.family, "number": book.number + 1, "follows": str(book.roll)}
    found = client.query(
        "SELECT roll FROM rolls WHERE family = {family:String} AND number = {number:UInt64}"
        " AND follows = {follows:UUID}",
        parameters=parameters,
    )
    return [row[0] for row in found.result_rows]
