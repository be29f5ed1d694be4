"""The worker ends when it has to, says by its exit code whether to start it again, and is."""

import os
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.preflight import free_port
from deploy.stack import is_ready
from deploy.supervisor import Notice, Restarts, Service, Supervisor, What
from ingest.kafka import KafkaSettings
from tests.fixtures.services import WEIR, environment_of
from tests.fixtures.warehouse import EmbeddedServer
from tests.integration.test_pipeline import click, send, wait_for
from tests.unit.deploy.test_supervisor import until
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.settings import WarehouseSettings


def end_of_a_worker(*settings: KafkaSettings | WarehouseSettings, **more: str) -> tuple[int, str]:
    """The exit code and the last line of a worker that can't run."""
    environment = {**os.environ, "WEIR_WORKER_PORT": str(free_port()), **environment_of(*settings), **more}
    done = subprocess.run(
        [str(WEIR), "run", "worker"], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stderr.splitlines()[-1]


def test_an_absent_clickhouse_is_waited_for() -> None:
    code, said = end_of_a_worker(WarehouseSettings(clickhouse=f"http://127.0.0.1:{free_port()}"))
    assert code == os.EX_TEMPFAIL
    assert "No ClickHouse answers at" in said


def test_a_wrong_password_is_not(warehouse: WarehouseSettings) -> None:
    code, said = end_of_a_worker(warehouse.model_copy(update={"clickhouse_password": SecretStr("wrong")}))
    assert code == os.EX_CONFIG
    assert "Check WEIR_CLICKHOUSE_USER and WEIR_CLICKHOUSE_PASSWORD" in said


def test_a_missing_database_is_not(warehouse: WarehouseSettings) -> None:
    code, said = end_of_a_worker(warehouse.model_copy(update={"clickhouse_database": "not_there"}))
    assert code == os.EX_CONFIG
    assert "Run `weir migrate`" in said


def test_wrong_lists_are_not(warehouse: WarehouseSettings, tmp_path: Path) -> None:
    file = tmp_path / "lists.toml"
    file.write_text("[deny]\nnetworks = ['192.0.2.0/24', '192.0.2.7/32']")
    code, said = end_of_a_worker(warehouse, WEIR_LISTS=str(file))
    assert code == os.EX_CONFIG
    assert "WEIR_LISTS" in said
    assert "[deny] networks, entry 2 (192.0.2.7/32)" in said


def test_an_absent_kafka_is_waited_for(warehouse: WarehouseSettings) -> None:
    code, _ = end_of_a_worker(warehouse, KafkaSettings(kafka=f"127.0.0.1:{free_port()}"))
    assert code == os.EX_TEMPFAIL


def test_a_setting_that_does_not_fit_is_named() -> None:
    code, said = end_of_a_worker(WEIR_BATCH_ROWS="many")
    assert code == os.EX_CONFIG
    assert "weir settings" in said


@pytest.mark.kafka
def test_a_clickhouse_that_is_away_for_long_does_not_end_the_stack(
    kafka: KafkaSettings, server: EmbeddedServer, tmp_path: Path
) -> None:
    """Longer than the worker's patience, and than a supervisor would watch anything else fail."""
    settings = server.settings("weir")
    migrate(settings)
    port = free_port()
    environment = environment_of(kafka, settings) | {
        "WEIR_WORKER_PORT": str(port), "WEIR_CLICKHOUSE_PATIENCE": "1", "WEIR_SESSION_TIMEOUT": "6",
        "WEIR_GEO_DIR": str(tmp_path),
    }  # fmt: skip
    told: list[Notice] = []
    supervisor = Supervisor(
        tmp_path / "logs", told.append, lambda: Restarts(first_seconds=0.1, longest_seconds=0.5, limit=1)
    )
    ready = f"http://127.0.0.1:{port}/-/ready"
    try:
        supervisor.start(Service("worker", (str(WEIR), "run", "worker"), lambda: is_ready(ready), env=environment))
        server.kill()
        send(kafka, *(click(seq) for seq in range(1, 51)))
        until(lambda: sum(notice.what is What.RESTARTING for notice in told) >= 4, 120)
        assert supervisor.failure is None
        server.start()
        with connect(settings) as client:
            wait_for(client, 50, 90)
        assert supervisor.failure is None
        assert sum(notice.what is What.DIED for notice in told) <= 2
    finally:
        supervisor.stop()
