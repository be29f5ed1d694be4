"""The schema on the real engine: what the migrations make, and what they refuse."""

import secrets
import threading
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from ingest.events import SEQ_BITS, SRC_BITS, click_id
from tests.fixtures.warehouse import EmbeddedServer
from warehouse.client import connect
from warehouse.events import COLUMNS
from warehouse.migrate import load, migrate, status
from warehouse.settings import WarehouseSettings

TOPIC = UUID("6e6b5b1c-7a3f-4c55-9d1e-0a4b1c2d3e4f")


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Client:
    with connect(warehouse) as client:
        yield client


def fence(client: Client, nonce: int, partition: int = 0) -> None:
    client.insert("fences", [[TOPIC, partition, nonce]], column_names=["topic_id", "kafka_partition", "nonce"])


def insert(client: Client, nonce: int, offset: int = 0, **columns: object) -> None:
    row = {"topic_id": TOPIC, "kafka_partition": 0, "kafka_offset": offset, "fence": nonce, **columns}
    client.insert("events", [list(row.values())], column_names=list(row))


def test_columns_are_those_of_the_row(client: Client) -> None:
    found = client.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'events'"
        " AND default_kind != 'ALIAS' ORDER BY position"
    )
    assert tuple(row[0] for row in found.result_rows) == COLUMNS


def test_everything_has_a_comment(client: Client) -> None:
    tables = client.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = ''")
    columns = client.query(
        # ClickHouse's grammar has no comments for the attributes of a dictionary.
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = ''"
        " AND table NOT IN (SELECT name FROM system.dictionaries WHERE database = currentDatabase())"
    )
    assert not tables.result_rows
    assert not columns.result_rows


def test_click_id_is_the_redirectors(client: Client) -> None:
    fence(client, 7)
    chosen = [
        (
            secrets.randbelow(4_102_444_800_000),
            1 + secrets.randbelow((1 << SRC_BITS) - 1),
            1 + secrets.randbelow((1 << SEQ_BITS) - 1),
        )
        for _ in range(200)
    ] + [(0, 1, 1), (4_102_444_799_999, (1 << SRC_BITS) - 1, (1 << SEQ_BITS) - 1)]
    columns = [
        [TOPIC] * len(chosen),
        [7] * len(chosen),
        list(range(len(chosen))),
        *map(list, zip(*chosen, strict=True)),
    ]
    client.insert(
        "events", columns, column_names=["topic_id", "fence", "kafka_offset", "ts", "src", "seq"], column_oriented=True
    )
    found = client.query("SELECT click_id FROM events ORDER BY kafka_offset").result_rows
    assert [str(row[0]) for row in found] == [click_id(*event) for event in chosen]


def test_an_insert_without_fence_is_refused(client: Client) -> None:
    for nonce in (0, 5):
        with pytest.raises(DatabaseError) as refused:
            insert(client, nonce)
        assert refused.value.code == 469
    assert client.command("SELECT count() FROM events") == 0


def test_the_last_fence_wins(client: Client) -> None:
    fence(client, 1)
    insert(client, 1, offset=0)
    fence(client, 2)
    with pytest.raises(DatabaseError) as refused:
        insert(client, 1, offset=1)
    assert refused.value.code == 469
    insert(client, 2, offset=1)
    assert client.command("SELECT arraySort(groupArray(kafka_offset)) FROM events") == "[0,1]"


def test_a_fence_is_of_one_partition(client: Client) -> None:
    fence(client, 1, partition=0)
    fence(client, 2, partition=1)
    insert(client, 1, kafka_partition=0)
    with pytest.raises(DatabaseError):
        insert(client, 1, kafka_partition=1)


def test_a_dead_letter_written_again_is_one(client: Client) -> None:
    row = {
        "topic_id": TOPIC,
        "kafka_partition": 1,
        "kafka_offset": 2,
        "append_time": 3,
        "reason": "json",
        "payload": b"{",
    }
    for _ in range(2):
        client.insert("dead_letters", [list(row.values())], column_names=list(row))
    assert client.command("SELECT count() FROM dead_letters FINAL") == 1


def test_views_name_the_link(client: Client) -> None:
    fence(client, 1)
    insert(client, 1, offset=0, link_id=0xAB, outcome="human", kind="click", ts=datetime(2026, 3, 1, tzinfo=UTC))
    insert(client, 1, offset=1, link_id=0xAB, outcome="bot", kind="click")
    link = {"link_id": 0xAB, "domain": "x.example", "slug": "s", "title": "A title", "tags": ["a"], "version": 1}
    client.insert("links", [list(link.values())], column_names=list(link))
    client.command("SYSTEM RELOAD DICTIONARY links_dict")
    columns = "link_id, slug, title, tags, outcome, toString(time)"
    assert client.query(f"SELECT {columns} FROM v_clicks").result_rows == [
        ("00000000000000ab", "s", "A title", ["a"], "human", "2026-03-01 00:00:00.000")
    ]
    assert client.command("SELECT count() FROM v_events") == 2


def test_a_second_run_does_nothing(warehouse: WarehouseSettings) -> None:
    assert migrate(warehouse) == []
    applied, todo = status(warehouse)
    assert [one.version for one in applied] == [migration.version for migration in load()]
    assert todo == []


def test_two_at_once(warehouse_server: EmbeddedServer) -> None:
    settings = warehouse_server.settings(f"test_{uuid4().hex[:12]}")
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(settings)
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures
    applied, todo = status(settings)
    assert [one.version for one in applied] == [migration.version for migration in load()]
    assert not todo
