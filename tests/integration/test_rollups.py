"""Rolling on the real engine: what the books say is what raw says, at every step."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from tests.fixtures.services import running
from tests.integration.rollup_answers import differing
from tests.integration.rows import insert, make_rows
from warehouse.client import connect
from warehouse.rollups.clean import Cleaner
from warehouse.rollups.compare import Comparison, compare
from warehouse.rollups.families import FAMILIES
from warehouse.rollups.read import read_books_sync
from warehouse.rollups.roll import Roller, roll_due
from warehouse.settings import WarehouseSettings

ZONE = "Asia/Kathmandu"
START = datetime(2026, 11, 20, 3, tzinfo=UTC)


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Iterator[Client]:
    with connect(warehouse) as client:
        yield client


def test_history_is_rolled_in_pieces_and_every_answer_stays(client: Client, warehouse: WarehouseSettings) -> None:
    insert(warehouse, make_rows(400, seed=1, start=START, span=timedelta(days=4)))
    now = (START + timedelta(days=3)).timestamp()
    roller = Roller(client, ZONE, piece=150)
    left = [1]
    while any(left):
        left = [rolled.left for rolled in roller.turn(now)]
        assert not differing(client, ZONE)
    books = read_books_sync(client).books
    assert {name: book.clock.height for name, book in books.items()} == dict.fromkeys(FAMILIES, 400)
    assert sum(unit.events for unit in books["geo"].units.values()) == 400
    assert 0 < len(books["geo"].open_units(0, 1 << 32)) < len(books["geo"].seals(0, 1 << 32))
    numbers = {name: book.number for name, book in books.items()}
    roller.turn(now)
    assert {name: book.number for name, book in read_books_sync(client).books.items()} == numbers


def test_the_service_rolls_and_says_so(warehouse: WarehouseSettings, client: Client, tmp_path: Path) -> None:
    insert(warehouse, make_rows(50, seed=2, start=START, span=timedelta(days=1)))
    with running("roller", tmp_path / "log", warehouse, roll_seconds="0.1", time_zone=ZONE) as roller:
        roller.wait_ready()
        assert metric(roller.url, 'weir_roller_events_total{family="geo"}') == 50
        assert metric(roller.url, 'weir_roller_behind{family="day_geo"}') == 0
        assert not differing(client, ZONE)
        roller.process.terminate()
        assert roller.process.wait(20) == 0


def metric(url: str, name: str) -> float:
    shown = httpx.get(f"{url}/-/metrics", trust_env=False).text
    [line] = [line for line in shown.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


def test_the_audit_names_units_that_differ_from_the_records(client: Client, warehouse: WarehouseSettings) -> None:
    insert(warehouse, make_rows(200, seed=3, start=START, span=timedelta(days=1)))
    roll_due(client, (START + timedelta(days=9)).timestamp(), ZONE)
    assert compare(client) == Comparison(sum(len(book.units) for book in read_books_sync(client).books.values()))
    hour = min(at for at, unit in read_books_sync(client).books["geo"].units.items() if unit.events)
    seal = read_books_sync(client).books["geo"].units[hour].seal
    client.command(f"INSERT INTO rollup_geo (seal, ts, outcome, n) VALUES ({seal}, {hour}, 'human', 5)")
    [found] = compare(client).differences
    assert (found.family, found.unit) == ("geo", hour)
    assert found.rolled["human"] == found.raw.get("human", 0) + 5
    assert compare(client, since=hour + 1).agrees
    Cleaner(client).look((START + timedelta(days=9)).timestamp())
    roll_due(client, (START + timedelta(days=9)).timestamp(), ZONE)
    assert compare(client).agrees
    assert not differing(client, ZONE)
