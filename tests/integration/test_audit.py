"""`weir audit` on a real Kafka and the real engine: it finds what was taken away, doubled or lost, and names it."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from ingest.events import Kind, RawClick
from ingest.kafka import KafkaSettings
from tests.fixtures.services import WEIR, environment_of, running
from tests.integration.test_pipeline import SRC, click, send, wait_for
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = pytest.mark.kafka

Audit = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def audited(kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path) -> Iterator[tuple[Client, Audit]]:
    """A hundred clicks and a close, stored; ClickHouse, and the command that audits it."""
    with running("worker", tmp_path / "worker.log", kafka, warehouse):
        client = connect(warehouse)
        close = RawClick(kind=Kind.CLOSE, src=SRC, seq=101, ts=1_763_800_000_000, mark=101)
        send(kafka, *(click(seq) for seq in range(1, 101)), close)
        wait_for(client, 101)

    def audit(*options: str) -> tuple[int, dict[str, Any]]:
        ran = subprocess.run(
            [str(WEIR), "audit", "--json", *options],
            env=environment_of(kafka, warehouse),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert ran.stdout, ran.stderr
        return ran.returncode, json.loads(ran.stdout)

    yield client, audit
    client.close()


def total(found: dict[str, Any], what: str) -> int:
    return sum(partition[what] for partition in found["partitions"])


def test_what_adds_up_exits_with_0(audited: tuple[Client, Audit]) -> None:
    code, found = audited[1]()
    assert (code, found["adds_up"], found["behind"]) == (0, True, 0)
    assert total(found, "rows") == 101
    assert found["sources"] == [{"src": f"{SRC:010x}", "mark": 101, "closed": True, "missing": 0}]


def test_a_gap_is_found_and_named(audited: tuple[Client, Audit]) -> None:
    client, audit = audited
    fullest = "SELECT kafka_partition, max(kafka_offset) - 1 FROM events GROUP BY 1 ORDER BY count() DESC LIMIT 1"
    partition, offset = client.query(fullest).result_rows[0]
    client.command(
        "ALTER TABLE events DELETE WHERE kafka_partition = {p:UInt16} AND kafka_offset = {o:UInt64}",
        parameters={"p": partition, "o": offset},
        settings={"mutations_sync": 1},
    )
    code, found = audit()
    assert code == 1
    assert {row["partition"]: row["missing"] for row in found["partitions"] if row["missing"]} == {partition: 1}


def test_a_double_is_found_and_named(audited: tuple[Client, Audit], kafka: KafkaSettings) -> None:
    client, audit = audited
    client.command("INSERT INTO fences SELECT DISTINCT topic_id, kafka_partition, fence FROM events")
    client.command("INSERT INTO events SELECT * FROM events WHERE seq = 7")
    code, found = audit()
    assert code == 1
    assert total(found, "doubled") == 1
    assert total(found, "missing") == 0


def test_a_lost_number_of_a_source_is_found_and_named(audited: tuple[Client, Audit], kafka: KafkaSettings) -> None:
    client, audit = audited
    client.command("INSERT INTO fences SELECT DISTINCT topic_id, kafka_partition, fence FROM events")
    client.command("ALTER TABLE events UPDATE mark = 103 WHERE kind = 'close'", settings={"mutations_sync": 1})
    code, found = audit()
    assert code == 1
    assert found["sources"][0]["missing"] == 2


def test_what_is_not_counted_yet_exits_with_3(audited: tuple[Client, Audit], kafka: KafkaSettings) -> None:
    send(kafka, *(click(seq) for seq in range(200, 205)))
    code, found = audited[1]()
    assert (code, found["behind"], found["adds_up"]) == (3, 5, True)


def test_the_same_is_told_over_http_and_to_prometheus(
    audited: tuple[Client, Audit], kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path
) -> None:
    with running("api", tmp_path / "api.log", kafka, warehouse) as api:
        assert httpx.get(f"{api.url}/v1/ledger").json() == audited[1]()[1]
        metrics = httpx.get(f"{api.url}/v1/ledger", params={"format": "prometheus"}).text
    assert "weir_ledger_adds_up 1.0" in metrics
    rows = [float(line.split()[1]) for line in metrics.splitlines() if line.startswith("weir_ledger_rows{")]
    assert sum(rows) == 101
