"""`weir audit` on a real Kafka and the real engine: it finds what was taken away, doubled or lost, and names it."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from deploy.broker import LocalKafka
from ingest.events import Kind, RawClick
from ingest.kafka import KafkaSettings
from tests.fixtures.kafka import topics_of_its_own
from tests.fixtures.services import WEIR, environment_of, running
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.integration.test_pipeline import SRC, click, send, wait_for
from warehouse.client import connect
from warehouse.rollups.roll import roll_due
from warehouse.settings import WarehouseSettings

pytestmark = pytest.mark.kafka

Audit = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def counted(
    kafka_server: LocalKafka, warehouse_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[KafkaSettings, WarehouseSettings]]:
    """A hundred clicks and a close, as a worker stored them; nobody writes to this log or database any more."""
    kafka, log = topics_of_its_own(kafka_server), tmp_path_factory.mktemp("counted") / "worker.log"
    close = RawClick(kind=Kind.CLOSE, src=SRC, seq=101, ts=1_763_800_000_000, mark=101)
    with database_of_its_own(warehouse_server) as warehouse:
        with running("worker", log, kafka, warehouse), connect(warehouse) as client:
            send(kafka, *(click(seq) for seq in range(1, 101)), close)
            wait_for(client, 101)
        yield kafka, warehouse


@pytest.fixture
def kafka(counted: tuple[KafkaSettings, WarehouseSettings]) -> KafkaSettings:
    return counted[0]


@pytest.fixture
def audited(
    counted: tuple[KafkaSettings, WarehouseSettings], warehouse: WarehouseSettings
) -> Iterator[tuple[Client, Audit]]:
    """ClickHouse with a copy of what was counted, and the command that audits it."""
    kafka, source = counted
    client = connect(warehouse)
    client.command(f"ALTER TABLE events ATTACH PARTITION ALL FROM {source.clickhouse_database}.events")

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
    assert [(one["src"], one["mark"], one["closed"], one["missing"]) for one in found["sources"]] == [
        (f"{SRC:010x}", 101, True, 0)
    ]
    assert sum(hour["rows"] for hour in found["hours"]) == 101


def test_the_next_audit_begins_at_the_mark_unless_it_is_told_not_to(audited: tuple[Client, Audit]) -> None:
    client, audit = audited
    assert audit("--no-mark")[1]["rows_read"] == 202  # for offsets, and for sources
    assert audit()[1]["since"] is None
    code, found = audit()
    assert (code, found["rows_read"]) == (0, 0)
    assert found["since"] is not None
    assert total(found, "rows") == total(found, "proven") == 101
    assert audit("--full")[1]["rows_read"] == 202
    assert client.command("SELECT count() FROM audit_marks FINAL") == 1


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
    [gap] = next(row["gaps"] for row in found["partitions"] if row["partition"] == partition)
    assert (gap["first"], gap["last"]) == (offset, offset)
    assert gap["hour"] in {hour["hour"] for hour in found["hours"] if hour["missing"]}
    assert found["sources"][0]["missing"] == 1


def test_a_double_is_found_and_named(audited: tuple[Client, Audit], kafka: KafkaSettings) -> None:
    client, audit = audited
    client.command("INSERT INTO fences SELECT DISTINCT topic_id, kafka_partition, fence FROM events")
    client.command("INSERT INTO events SELECT * FROM events WHERE seq = 7")
    code, found = audit()
    assert code == 1
    assert total(found, "doubled") == 1
    assert total(found, "missing") == 0
    [double] = [double for partition in found["partitions"] for double in partition["doubles"]]
    assert double["rows"] == 2
    assert [(one["first"], one["last"], one["rows"]) for one in found["sources"][0]["doubles"]] == [(7, 7, 2)]


def test_a_lost_number_of_a_source_is_found_and_named(audited: tuple[Client, Audit], kafka: KafkaSettings) -> None:
    client, audit = audited
    client.command("INSERT INTO fences SELECT DISTINCT topic_id, kafka_partition, fence FROM events")
    client.command("ALTER TABLE events UPDATE mark = 103 WHERE kind = 'close'", settings={"mutations_sync": 1})
    code, found = audit()
    assert code == 1
    assert found["sources"][0]["missing"] == 2
    assert [(gap["first"], gap["last"]) for gap in found["sources"][0]["gaps"]] == [(102, 103)]


def test_what_is_wrong_is_printed_by_its_name(
    audited: tuple[Client, Audit], kafka: KafkaSettings, warehouse: WarehouseSettings
) -> None:
    audited[0].command("ALTER TABLE events DELETE WHERE seq = 7", settings={"mutations_sync": 1})
    ran = subprocess.run(
        [str(WEIR), "audit", "--hours", "5"],
        env={**environment_of(kafka, warehouse), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert f"source {SRC:010x}: number 7: no row, hour " in ran.stdout
    assert re.search(r"^partition \d: offset \d+: no row, hour 20", ran.stdout, re.MULTILINE)
    assert "DOES NOT ADD UP" in ran.stdout


def test_a_rollup_that_differs_is_named_and_mended(audited: tuple[Client, Audit]) -> None:
    client, audit = audited
    roll_due(client, time.time(), "UTC")
    code, found = audit("--full")
    assert (code, found["rollups"]["differ"]) == (0, [])
    assert found["rollups"]["units"] > 0
    client.command("INSERT INTO rollup_geo SELECT * FROM rollup_geo LIMIT 1")
    code, found = audit("--full", "--mend-rollups")
    assert (code, [one["family"] for one in found["rollups"]["differ"]]) == (1, ["geo"])
    roll_due(client, time.time(), "UTC")
    assert audit("--full")[0] == 0


def test_the_same_is_told_over_http_and_to_prometheus(
    audited: tuple[Client, Audit], kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path
) -> None:
    with running("api", tmp_path / "api.log", kafka, warehouse) as api:
        compared_with_records = {"rollups": {"units": 0, "differ": []}}
        assert httpx.get(f"{api.url}/v1/ledger").json() | compared_with_records == audited[1]()[1]
        metrics = httpx.get(f"{api.url}/v1/ledger", params={"format": "prometheus"}).text
    assert "weir_ledger_adds_up 1.0" in metrics
    rows = [float(line.split()[1]) for line in metrics.splitlines() if line.startswith("weir_ledger_rows{")]
    assert sum(rows) == 101


def test_what_is_not_counted_yet_exits_with_3(audited: tuple[Client, Audit], kafka: KafkaSettings) -> None:
    send(kafka, *(click(seq) for seq in range(200, 205)))
    code, found = audited[1]()
    assert (code, found["behind"], found["adds_up"]) == (3, 5, True)
