"""The schema on the real engine: what the migrations make, and what they refuse."""

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from deploy.commands.migrate import command
from ingest.events import SEQ_BITS, SRC_BITS, click_id
from tests.fixtures.warehouse import EmbeddedServer
from warehouse.client import connect
from warehouse.events import COLUMNS
from warehouse.migrate import MigrationConflict, load, migrate, status
from warehouse.settings import WarehouseSettings

TOPIC = UUID("6e6b5b1c-7a3f-4c55-9d1e-0a4b1c2d3e4f")


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Iterator[Client]:
    with connect(warehouse) as client:
        yield client


def fence(client: Client, nonce: int, partition: int = 0) -> None:
    client.insert("fences", [[TOPIC, partition, nonce]], column_names=["topic_id", "kafka_partition", "nonce"])


def insert(client: Client, nonce: int, offset: int = 0, **columns: Any) -> None:
    row = {"topic_id": TOPIC, "kafka_partition": 0, "kafka_offset": offset, "fence": nonce, **columns}
    client.insert("events", [[*row.values()]], column_names=list(row))


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
    columns: list[list[Any]] = [
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
        client.insert("dead_letters", [[*row.values()]], column_names=list(row))
    assert client.command("SELECT count() FROM dead_letters FINAL") == 1


def test_views_name_the_link(client: Client) -> None:
    fence(client, 1)
    insert(client, 1, offset=0, link_id=0xAB, outcome="human", kind="click", ts=datetime(2026, 3, 1, tzinfo=UTC))
    insert(client, 1, offset=1, link_id=0xAB, outcome="bot", kind="click")
    link = {"link_id": 0xAB, "domain": "x.example", "slug": "s", "title": "A title", "tags": ["a"], "version": 1}
    client.insert("links", [[*link.values()]], column_names=list(link))
    client.command("SYSTEM RELOAD DICTIONARY links_dict")
    columns = "link_id, slug, title, tags, outcome, toString(time)"
    assert client.query(f"SELECT {columns} FROM v_clicks").result_rows == [
        ("00000000000000ab", "s", "A title", ["a"], "human", "2026-03-01 00:00:00.000")
    ]
    assert client.command("SELECT count() FROM v_events") == 2


def test_a_changed_link_is_named_anew_within_seconds(client: Client) -> None:
    """A server reloads dictionaries by itself; of the embedded engine our refresher does it."""

    def title(version: int, text: str) -> None:
        link = {"link_id": 0xCD, "domain": "x.example", "slug": "s", "title": text, "version": version}
        client.insert("links", [[*link.values()]], column_names=list(link))

    sql = "SELECT dictGet('links_dict', 'title', toUInt64(0xCD))"
    title(1, "first")
    assert client.command(sql) == "first"
    title(2, "second")
    deadline = time.monotonic() + 20
    while client.command(sql) != "second":
        assert time.monotonic() < deadline
        time.sleep(0.1)


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
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    applied, todo = status(settings)
    assert [one.version for one in applied] == [migration.version for migration in load()]
    assert not todo


def environment(settings: WarehouseSettings) -> dict[str, str]:
    return {
        "WEIR_CLICKHOUSE": settings.clickhouse,
        "WEIR_CLICKHOUSE_USER": settings.clickhouse_user,
        "WEIR_CLICKHOUSE_PASSWORD": settings.clickhouse_password.get_secret_value(),
        "WEIR_CLICKHOUSE_DATABASE": settings.clickhouse_database,
    }


def test_the_command(warehouse_server: EmbeddedServer) -> None:
    settings = warehouse_server.settings(f"test_{uuid4().hex[:12]}")

    def weir(*arguments: str) -> str:
        result = CliRunner().invoke(command, arguments, env=environment(settings), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    numbers = [migration.version for migration in load()]
    assert len(json.loads(weir("--dry-run", "--json"))) > len(numbers)
    assert f"FROM {settings.clickhouse_database}.events" in weir("--dry-run")
    assert {row["applied_at"] for row in json.loads(weir("--status", "--json"))} == {None}
    assert [row["version"] for row in json.loads(weir("--json"))] == numbers
    assert all(row["applied_at"].endswith("Z") for row in json.loads(weir("--status", "--json")))
    assert "0001_events" in weir("--status")
    assert json.loads(weir("--dry-run", "--json")) == []
    weir()


def test_the_command_says_what_is_wrong(warehouse_server: EmbeddedServer) -> None:
    away = warehouse_server.settings().model_copy(update={"clickhouse": "http://127.0.0.1:1"})
    result = CliRunner().invoke(command, env=environment(away))
    assert result.exit_code == 1
    assert "No ClickHouse answers at http://127.0.0.1:1" in result.stderr


def test_a_changed_or_missing_file_is_refused(warehouse: WarehouseSettings, tmp_path: Path) -> None:
    for migration in load():
        (tmp_path / f"{migration.version:04}_{migration.name}.sql").write_text(migration.sql)
    assert migrate(warehouse, folder=tmp_path) == []
    first = tmp_path / "0001_events.sql"
    first.write_text(f"{first.read_text()} ")
    with pytest.raises(MigrationConflict, match="0001_events was changed after it was applied"):
        migrate(warehouse, folder=tmp_path)
    first.unlink()
    with pytest.raises(MigrationConflict, match="newer Weir"):
        migrate(warehouse, folder=tmp_path)


def test_a_failed_migration_goes_on_where_it_stopped(warehouse: WarehouseSettings, tmp_path: Path) -> None:
    for migration in load():
        (tmp_path / f"{migration.version:04}_{migration.name}.sql").write_text(migration.sql)
    last = tmp_path / "0999_more.sql"
    more = "CREATE TABLE IF NOT EXISTS more (n UInt8) ENGINE = Memory;"
    last.write_text(f"{more} SELECT no_such_column;")
    with pytest.raises(DatabaseError):
        migrate(warehouse, folder=tmp_path)
    assert [migration.version for migration in status(warehouse, folder=tmp_path)[1]] == [999]
    last.write_text(f"{more} SELECT 1;")
    assert [one.version for one in migrate(warehouse, folder=tmp_path)] == [999]


def test_workers_write_while_tables_are_migrated(warehouse_server: EmbeddedServer, tmp_path: Path) -> None:
    """From the first schema to today's: no insert fails, and none is lost or doubled."""
    settings = warehouse_server.settings(f"test_{uuid4().hex[:12]}")
    first = load()[0]
    (tmp_path / "0001_events.sql").write_text(first.sql)
    migrate(settings, folder=tmp_path)
    begun, stopped = threading.Event(), threading.Event()

    def write() -> int:
        offset = 0
        with connect(settings) as client:
            fence(client, 7)
            while not stopped.wait(0.02):
                insert(client, 7, offset=offset, kind="click", outcome="human", domain="go.example")
                offset += 1
                begun.set()
        return offset

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        begun.wait(30)
        migrate(settings)
        time.sleep(0.2)
        stopped.set()
        written = writing.result()
    with connect(settings) as client:
        assert client.query(
            "SELECT count(), uniqExact(kafka_offset), max(kafka_offset) + 1 FROM events"
        ).result_rows == [(written, written, written)]
        assert client.command("SELECT sum(clicks) FROM v_by_channel") == written
        assert [one.version for one in status(settings)[0]] == [migration.version for migration in load()]


def test_the_engine_reads_what_a_cluster_is_sent(warehouse: WarehouseSettings, client: Client) -> None:
    """There is no cluster here: what can be held is that each statement is one, and says where it runs."""
    for migration in load():
        plain = migration.statements("weir")
        for statement, sent in zip(plain, migration.statements("weir", "the_cluster"), strict=True):
            read = client.query("SELECT formatQuerySingleLine({sql:String})", {"sql": sent}).result_rows[0][0]
            assert " ON CLUSTER the_cluster" in read.replace("'", "").replace("`", "")
            assert sent.replace(" ON CLUSTER 'the_cluster'", "").replace("Replicated", "") == statement


def test_a_changed_link_is_noticed_by_the_question_that_a_server_asks(client: Client) -> None:
    """The embedded engine reloads by other signs, so the question is asked here as a server would."""
    (definition,) = client.query("SHOW CREATE DICTIONARY links_dict").result_rows[0]
    question = re.search(r"INVALIDATE_QUERY '(.*?)'", definition)
    assert question

    def change(version: int, updated_at: datetime) -> Any:
        row = {"link_id": 1, "title": "A title", "version": version, "updated_at": updated_at}
        client.insert("links", [[*row.values()]], column_names=list(row))
        return client.query(question[1]).result_rows

    now = datetime.now(UTC)
    first = change(1, now - timedelta(seconds=3))
    assert change(2, now - timedelta(seconds=2)) != first
    before = client.query(question[1]).result_rows
    assert change(3, now + timedelta(minutes=1)) == before  # not yet: then it is not missed later either
