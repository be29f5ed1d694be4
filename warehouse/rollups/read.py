"""Reading the books of all families, in one statement, as often as one likes: only what is new is read."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client

from warehouse.rollups.book import Book, Roll, Unit, read_on
from warehouse.rollups.clock import Clock, ClockArrays
from warehouse.rollups.families import FAMILIES
from warehouse.sql import load


def _none() -> dict[str, Book]:
    return {name: Book(name) for name in FAMILIES}


@dataclasses.dataclass(frozen=True)
class Books:
    """The books of all families, and the switch of editions as it was when they were read."""

    switch: int = 0
    """The highest version in `editions`; 0: nothing was ever switched."""
    books: Mapping[str, Book] = dataclasses.field(default_factory=_none)
    """Name of the family → its book, as it is written: see `Book.under`."""


async def read_books(client: AsyncClient, known: Books | None = None) -> Books:
    """All books now. `known`, what was read before, saves reading it again. Raises clickhouse-connect's errors."""
    known = known or Books()
    found = await client.query(load("rollup_books"), parameters=_parameters(known))
    if (books := _after(known, found.result_rows[0])) is not None:
        return books
    return await read_books(client)


def read_books_sync(client: Client, known: Books | None = None) -> Books:
    """The same for a synchronous client."""
    known = known or Books()
    books = _after(known, client.query(load("rollup_books"), parameters=_parameters(known)).result_rows[0])
    return read_books_sync(client) if books is None else books


def _parameters(known: Books) -> dict[str, Any]:
    return {"families": list(known.books), "numbers": [book.number for book in known.books.values()]}


def _after(known: Books, row: Sequence[Any]) -> Books | None:
    """What is known and what was read; None where the last roll that is known is not the one that counts any more."""
    switch, fields = row
    rolls: defaultdict[str, list[Roll]] = defaultdict(list)
    for one in fields:
        rolls[one[0]].append(_roll(one))
    for name, book in known.books.items():
        same = [roll.roll for roll in rolls[name] if roll.number == book.number]
        if book.number and (not same or min(same) != book.roll):
            return None
    return Books(switch, {name: read_on(book, rolls[name]) for name, book in known.books.items()})


def _roll(fields: Sequence[Any]) -> Roll:
    family, number, roll, follows, whole, switch, zone, topics, width, starts, ends, at, seals, events, frozen = fields
    return Roll(
        family,
        number,
        roll,
        follows,
        bool(whole),
        switch,
        zone,
        Clock.unpacked(ClockArrays(topics, width, starts, ends)),
        {
            start: Unit(seal, count, bool(is_frozen))
            for start, seal, count, is_frozen in zip(at, seals, events, frozen, strict=True)
        },
    )
