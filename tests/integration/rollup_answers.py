"""The smallest form of an answer by a family's book, and the same from raw: every row of the family, unit by unit."""

from collections.abc import Mapping
from string import Template
from typing import Any

from clickhouse_connect.driver.client import Client

from warehouse.rollups.families import FAMILIES, PRECISION, Family
from warehouse.rollups.read import Books, read_books_sync
from warehouse.rollups.statements import UNIT
from warehouse.sql import load

Answer = Mapping[tuple[Any, ...], tuple[int, int]]
"""Unit and keys → events and visitors."""

END_OF_TIME = 1 << 32

_VISITOR = "outcome IN ('suspect', 'human') AND visitor_id != 0"
_BY_BOOK = Template("""
SELECT $unit AS unit, $keys, n, $visitors FROM $table WHERE seal IN {seals:Array(UInt64)}
UNION ALL
SELECT $unit AS unit, $keys, count() AS n, $states FROM events
WHERE $live AND (NOT $counted OR unit IN {open:Array(UInt32)}
                 OR ({rest:Bool} AND unit NOT IN {sealed:Array(UInt32)}))
GROUP BY unit, $keys
""")
_RAW = Template("SELECT $unit AS unit, $keys, count() AS n, $states FROM events WHERE $live GROUP BY unit, $keys")
_ANSWER = Template("WITH $switched SELECT unit, $keys, sum(n), $merged FROM ($rows) GROUP BY unit, $keys")
_SNAPSHOT = {"enable_shared_storage_snapshot_in_query": 1}


def answer_by_book(client: Client, family: Family, zone: str, books: Books | None = None) -> Answer:
    """Live seals, open units at offsets of the clock, and everything beyond it; one statement."""
    found = client.query(*_by_book(client, family, zone, books), settings=_SNAPSHOT).result_rows
    return {tuple(row[:-2]): (int(row[-2]), int(row[-1])) for row in found if row[-2]}


def rows_that_differ(client: Client, family: Family, zone: str) -> list[tuple[Any, ...]]:
    """Rows of the answer by the book that raw has not, and the other way round, at one moment: in one snapshot."""
    by_book, parameters = _by_book(client, family, zone, None)
    raw = _ANSWER.substitute(_names(family), rows=_RAW.substitute(_names(family)))
    sql = f"SELECT *, count() AS times FROM (({by_book}) UNION ALL ({raw})) GROUP BY ALL HAVING times != 2"
    return [tuple(row) for row in client.query(sql, parameters=parameters, settings=_SNAPSHOT).result_rows]


def _by_book(client: Client, family: Family, zone: str, books: Books | None) -> tuple[str, dict[str, Any]]:
    books = books or read_books_sync(client)
    book = books.books[family.name].under(books.switch, zone)
    seals = book.seals(0, END_OF_TIME)
    rows = _BY_BOOK.substitute(_names(family), counted=book.clock.condition("c"))
    return _ANSWER.substitute(_names(family), rows=rows), {
        **book.clock.parameters("c"),
        "zone": zone,
        "seals": list(seals.values()),
        "sealed": list(seals),
        "open": book.open_units(0, END_OF_TIME),
        "rest": book.rest_is_open,
    }


def _names(family: Family) -> dict[str, str]:
    states = f"uniqCombined64StateIf({PRECISION})(salt_day, visitor_id, {_VISITOR}) AS visitors"
    return {
        "switched": load("switched").strip(),
        "live": load("live").strip(),
        "table": family.table,
        "unit": UNIT[family.unit],
        "keys": ", ".join(family.keys),
        "visitors": "visitors" if family.visitors else "0 AS visitors",
        "states": states if family.visitors else "0 AS visitors",
        "merged": f"uniqCombined64Merge({PRECISION})(visitors)" if family.visitors else "0",
    }


def differing(client: Client, zone: str) -> list[str]:
    """Families whose answer by the book is not the one from raw alone."""
    nothing = Books(read_books_sync(client).switch)
    return [
        family.name
        for family in FAMILIES.values()
        if answer_by_book(client, family, zone) != answer_by_book(client, family, zone, nothing)
    ]
