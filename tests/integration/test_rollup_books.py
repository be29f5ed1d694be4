"""The books of the rollups as ClickHouse keeps them, and the tables that they speak of."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.integration.rows import TOPIC, insert, make_rows
from warehouse.client import connect, connect_async
from warehouse.rollups.clock import Clock
from warehouse.rollups.families import FAMILIES, PRECISION
from warehouse.rollups.read import Books, read_books, read_books_sync
from warehouse.settings import WarehouseSettings

START = datetime(2026, 11, 1, tzinfo=UTC)


def test_each_family_has_its_table(warehouse: WarehouseSettings) -> None:
    with connect(warehouse) as client:
        types = {row[0]: row[1] for row in client.query("DESCRIBE TABLE events").result_rows}
        for family in FAMILIES.values():
            found = {row[0]: row[1] for row in client.query(f"DESCRIBE TABLE {family.table}").result_rows}
            keys = {name: types[name] for name in family.keys}
            wanted = {"seal": "UInt64", "ts": "DateTime('UTC')", **keys, "n": "UInt64"}
            if family.visitors:
                wanted["visitors"] = f"AggregateFunction(uniqCombined64({PRECISION}), Date, UInt64)"
                wanted["visitor_clicks"] = "UInt64"
            assert found == wanted


@pytest.mark.parametrize(("ends", "beyond", "day"), [(0, 6, "2026-11-01"), (4, 2, "2026-11-02"), (6, 0, "2149-06-06")])
def test_what_lies_beyond_a_clock(warehouse: WarehouseSettings, ends: int, beyond: int, day: str) -> None:
    rows = make_rows(6, seed=1, start=START, span=timedelta(days=1))
    insert(warehouse, [{**row, "batch_time": START + timedelta(days=row["kafka_offset"] // 3)} for row in rows])
    clock = Clock.of([(TOPIC, 0, 0, ends), (UUID(int=1), 3, 0, 1000)])
    with connect(warehouse) as client:
        sql = f"SELECT count(), {clock.first_day_beyond('c')} FROM events WHERE NOT {clock.condition('c')}"
        found = client.query(sql, parameters=clock.parameters("c")).result_rows[0]
        assert (found[0], str(found[1])) == (beyond, day)


def test_without_a_roll_the_books_are_empty(warehouse: WarehouseSettings) -> None:
    with connect(warehouse) as client:
        assert read_books_sync(client) == Books()

    async def read() -> None:
        async with await connect_async(warehouse) as client:
            assert await read_books(client) == Books()

    asyncio.run(read())
