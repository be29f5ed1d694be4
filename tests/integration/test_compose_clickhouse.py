"""ClickHouse as docker-compose.yml starts it: its configuration, read by the engine itself.

The files go through the engine's own reader, and Weir's statements run as the very users that stand in them. What stays
unproven is the container around it; the server's HTTP interface has tests of its own, on the embedded warehouse.
"""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from warehouse.ledger import INSERT_SETTINGS
from warehouse.migrate import load as migrations
from warehouse.sql import load as sql

pytest.importorskip("chdb", reason="the embedded engine is the optional part `local`")

ROOT = Path(__file__).parents[2]
DENIED, READONLY, VIOLATED_CONSTRAINT, OUT_OF_BOUNDS, TOO_MANY_ROWS_OR_BYTES = 497, 164, 469, 452, 396
PARTITION = {"topic_id": "00000000-0000-4000-8000-000000000001", "partition": 3, "nonce": 7}
CHANGES = {name: str(value) for name, value in INSERT_SETTINGS.items()}

Statement = str | tuple[str, dict[str, Any]]
Answer = dict[str, Any]
Ask = Callable[..., list[Answer]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Run statements as a user, on one folder of data; the schema is there."""
    folder = tmp_path_factory.mktemp("clickhouse")

    def run(user: str, *statements: Statement) -> list[Answer]:
        """Answers, one a statement."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.engine_as_user", str(folder), user],
            input=json.dumps([(one, {}) if isinstance(one, str) else one for one in statements]),
            env={**os.environ, "WEIR_CLICKHOUSE_PASSWORD": "one", "WEIR_WAREHOUSE_READER_PASSWORD": "two"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        answers: list[Answer] = json.loads(done.stdout)
        return answers

    schema = [statement for migration in migrations() for statement in migration.statements("weir")]
    made = run("weir", "CREATE DATABASE IF NOT EXISTS weir ENGINE = Atomic", "USE weir", *schema)
    assert [answer for answer in made if "error" in answer] == []
    return run


def codes(answers: list[Answer]) -> list[int]:
    """Error code of each answer, 0 where there is none."""
    return [answer.get("code", 0) for answer in answers]


def test_the_users_are_those_of_the_file(ask: Ask) -> None:
    users, quotas, administrator = ask(
        "default",
        "SELECT name, auth_type FROM system.users ORDER BY name",
        "SELECT DISTINCT quota_name FROM system.quota_limits WHERE quota_name LIKE 'weir%'",
        "SHOW CREATE USER default",
    )
    assert [name for name, _ in users["rows"]] == ["default", "weir", "weir_reader"]
    assert quotas["rows"] == [["weir_reader"]]
    assert " HOST LOCAL " in administrator["rows"][0][0]


def test_the_server_takes_its_settings(ask: Ask) -> None:
    (found,) = ask("default", "SELECT name, value FROM system.server_settings WHERE changed")
    in_file = {
        element.tag: element.text for element in ET.parse(ROOT / "deploy/clickhouse/config.d/weir.xml").getroot()
    }
    taken = dict(found["rows"])
    for name in ("max_server_memory_usage_to_ram_ratio", "mark_cache_size"):
        assert taken[name] == in_file[name]


def test_the_image_is_the_engine_that_the_tests_run_on(ask: Ask) -> None:
    (version,) = ask("default", "SELECT version()")
    minor = ".".join(version["rows"][0][0].split(".")[:2])
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert compose["services"]["clickhouse"]["image"] == f"clickhouse/clickhouse-server:{minor}"


@pytest.mark.parametrize("user", ["default", "weir", "weir_reader"])
def test_a_stalled_request_is_cut_off_whoever_sent_it(ask: Ask, user: str) -> None:
    (found,) = ask(user, "SELECT value FROM system.settings WHERE name = 'http_receive_timeout'")
    assert found["rows"] == [["10"]]


def test_the_writers_profile_agrees_with_what_every_insert_sends(ask: Ask) -> None:
    (found,) = ask("weir", "SELECT name, value FROM system.settings WHERE changed")
    profile = dict(found["rows"])
    assert CHANGES.keys() & profile.keys() == {"async_insert", "max_insert_threads", "insert_deduplicate"}
    assert all(CHANGES[name] == profile[name] for name in CHANGES.keys() & profile.keys())


def test_the_writer_can_do_all_that_the_ledger_does(ask: Ask) -> None:
    row = "INSERT INTO weir.events (topic_id, kafka_partition, kafka_offset, fence) VALUES"
    answers = ask(
        "weir",
        "USE weir",
        (sql("fence"), PARTITION),
        (sql("settle"), {"comment": "weir nobody"}),
        (sql("position"), PARTITION),
        f"{row} ('{PARTITION['topic_id']}', 3, 0, 7)",
        f"{row} ('{PARTITION['topic_id']}', 3, 1, 8)",  # the fence of somebody else
        (sql("position"), PARTITION),
        "INSERT INTO links (link_id, title, version) VALUES (1, 'First', 1)",
        "SELECT name FROM system.settings WHERE name = 'async_insert'",
    )
    assert codes(answers) == [0, 0, 0, 0, 0, VIOLATED_CONSTRAINT, 0, 0, 0]
    assert answers[3]["rows"][0][0] == 0
    assert answers[6]["rows"][0][:3] == [1, 0, 0]


def test_the_writer_has_its_database_and_nothing_else(ask: Ask) -> None:
    answers = ask(
        "weir",
        "CREATE DATABASE other",
        "CREATE USER other",
        "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a Int8')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1:9', 'system.one')",
        "INSERT INTO FUNCTION file('/tmp/out', 'CSV', 'a Int8') VALUES (1)",
    )
    assert codes(answers) == [DENIED] * len(answers)


def test_the_reader_reads_tables_and_names_of_links(ask: Ask) -> None:
    ask("weir", "INSERT INTO weir.links (link_id, title, version) VALUES (2, 'Second', 1)")
    answers = ask(
        "weir_reader",
        "SELECT count() >= 0 FROM weir.events",
        "SELECT dictGet('weir.links_dict', 'title', toUInt64(2))",
        "SHOW DATABASES",
    )
    assert [answer["rows"] for answer in answers] == [[[1]], [["Second"]], [["weir"]]]


def test_the_reader_changes_nothing_and_reaches_nothing_else(ask: Ask) -> None:
    answers = ask(
        "weir_reader",
        "INSERT INTO weir.links (link_id) VALUES (9)",
        "CREATE TABLE weir.other (a Int8) ORDER BY a",
        "CREATE TEMPORARY TABLE other (a Int8)",
        "ALTER TABLE weir.events DELETE WHERE 1",
        "TRUNCATE TABLE weir.events",
        "DROP TABLE weir.links",
        "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a Int8')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1:9', 'system.one')",
        "SELECT * FROM s3('http://127.0.0.1:9/bucket/file', 'CSV', 'a Int8')",
        "SELECT * FROM weir.api_keys",
        "SELECT count() FROM weir.api_writes",
        "SYSTEM FLUSH LOGS",
        "SET readonly = 0",
    )
    assert codes(answers) == [*[DENIED] * (len(answers) - 1), READONLY]


def test_the_reader_does_not_find_the_keys_by_other_ways(ask: Ask) -> None:
    ask("weir", "INSERT INTO weir.api_keys (key_id, name) VALUES ('k', 'secret')")
    answers = ask(
        "weir_reader",
        "SELECT count() FROM merge('weir', '^api_keys$')",
        "SELECT count() FROM system.query_log",
        "SELECT count() FROM system.columns WHERE table = 'api_keys'",
        "SELECT count() FROM system.users",
    )
    assert [answer.get("rows", [[0]]) for answer in answers] == [[[0]]] * len(answers)


def test_the_reader_can_lower_its_limits_but_not_lift_them(ask: Ask) -> None:
    limits = {
        "max_execution_time": (5, 61),
        "max_memory_usage": (1_000_000_000, 4_000_000_001),
        "max_rows_to_read": (1000, 2_000_000_001),
        "max_result_rows": (10, 10_000_001),
        "max_result_bytes": (1000, 1_000_000_001),
    }
    for_each = [f"SET {name} = {value}" for name, (lower, higher) in limits.items() for value in (lower, higher, 0)]
    assert codes(ask("weir_reader", *for_each)) == [0, OUT_OF_BOUNDS, OUT_OF_BOUNDS] * len(limits)


def test_the_reader_cannot_touch_what_its_queries_share(ask: Ask) -> None:
    answers = ask("weir_reader", "SET max_memory_usage_for_user = 1", "SET max_concurrent_queries_for_user = 1")
    assert codes(answers) == [OUT_OF_BOUNDS] * 2


def test_a_limit_stops_a_query(ask: Ask) -> None:
    (stopped,) = ask("weir_reader", "SELECT number FROM numbers(1000001)")
    assert stopped["code"] == TOO_MANY_ROWS_OR_BYTES


def test_the_schema_needs_nothing_that_only_the_embedded_engine_has(ask: Ask) -> None:
    """Engines that keep their data in the server, and that every ClickHouse of this version brings."""
    (engines,) = ask("default", "SELECT DISTINCT engine FROM system.tables WHERE database = 'weir'")
    plain = {
        "Join",
        "Dictionary",
        "View",
        "MaterializedView",
        "MergeTree",
        "ReplacingMergeTree",
        "AggregatingMergeTree",
    }
    assert {engine for (engine,) in engines["rows"]} <= plain
