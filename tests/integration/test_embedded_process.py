"""The embedded warehouse as a process: what survives, what does not, and how it ends."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.fixtures.warehouse import EmbeddedServer
from warehouse.client import connect
from warehouse.migrate import migrate

TOPIC = UUID("6e6b5b1c-7a3f-4c55-9d1e-0a4b1c2d3e4f")


def test_a_killed_process_keeps_its_rows_and_forgets_its_fences(server: EmbeddedServer) -> None:
    settings = server.settings("weir")
    migrate(settings)
    row = {"topic_id": TOPIC, "kafka_partition": 0, "kafka_offset": 0, "fence": 7}
    with connect(settings) as client:
        client.insert("fences", [[TOPIC, 0, 7]], column_names=["topic_id", "kafka_partition", "nonce"])
        client.insert("events", [[*row.values()]], column_names=[*row])
    server.kill()
    server.start()
    assert migrate(settings) == []
    with connect(settings) as client:
        assert client.command("SELECT count() FROM events") == 1
        assert client.command("SELECT count() FROM fences") == 0
        with pytest.raises(DatabaseError) as refused:
            client.insert("events", [[*row.values()]], column_names=[*row])
        assert refused.value.code == 469


def test_sigterm_lets_an_insert_finish(server: EmbeddedServer) -> None:
    with connect(server.settings()) as client, ThreadPoolExecutor() as pool:
        client.command("CREATE DATABASE kept ENGINE = Atomic")
        client.command(
            "CREATE TABLE kept.slow (n UInt64, m UInt8 DEFAULT sleepEachRow(0.02)) ENGINE = MergeTree ORDER BY n"
        )
        lines = b"".join(b"%d\n" % number for number in range(100))
        insert = pool.submit(client.raw_insert, "kept.slow", ["n"], lines, fmt="TSV")
        time.sleep(0.7)
        assert not insert.done()
        assert server.stop() == 0
        assert insert.result().written_rows == 100
    server.start()
    with connect(server.settings()) as client:
        assert client.command("SELECT count() FROM kept.slow") == 100


def test_a_second_process_is_refused(server: EmbeddedServer) -> None:
    second = EmbeddedServer(server.folder)
    with pytest.raises(AssertionError, match="did not start"):
        second.start()
    assert second.process.wait() == os.EX_TEMPFAIL
    assert f"Another process runs the warehouse in {server.folder}" in second.log
    assert "Traceback" not in second.log
    with connect(server.settings()) as client:
        assert client.command("SELECT 1") == 1


def test_nothing_is_left_open_at_the_end(server: EmbeddedServer) -> None:
    with connect(server.settings()) as client:
        client.query("SELECT number FROM numbers(1000000)")
    assert server.stop() == 0
    assert "Traceback" not in server.log


def test_a_taken_port_is_named(server: EmbeddedServer, tmp_path: Path) -> None:
    second = EmbeddedServer(tmp_path / "other", port=server.port)
    with pytest.raises(AssertionError):
        second.start()
        second.process.wait(20)
        raise AssertionError
    assert "address already in use" in second.log


def refusal(path: Path, host: str) -> tuple[int, str]:
    environment = {**os.environ, "WEIR_WAREHOUSE_PATH": str(path), "WEIR_WAREHOUSE_HOST": host}
    command = [sys.executable, "-m", "warehouse.embedded.server"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    return found.returncode, found.stdout + found.stderr


def test_an_open_door_is_refused(tmp_path: Path) -> None:
    code, said = refusal(tmp_path, "0.0.0.0")
    assert code == os.EX_CONFIG
    assert "WEIR_WAREHOUSE_PASSWORD" in said


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = refusal(tmp_path / "file" / "data", "127.0.0.1")
    assert code == 1
    assert "Not a directory" in said
    assert "Traceback" not in said
