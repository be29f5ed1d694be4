"""Agents of one's own on a real Kafka: beside the core, in a group of their own, and no harm to it."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer

from deploy.broker import LocalKafka
from ingest.events import RawClick
from ingest.kafka import KafkaSettings
from tests.fixtures.services import WEIR, Service, running
from tests.integration.test_pipeline import audited, click, client, send, wait_for
from warehouse.settings import WarehouseSettings

__all__ = ["client"]

pytestmark = pytest.mark.kafka

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
MINUTE = 60_000
START = int(time.time() * 1000) // MINUTE * MINUTE - 10 * MINUTE

WORST = """
def agents(weir):
    alerts = weir.app.topic("worst", key_serializer="raw", value_serializer="raw")

    @weir.app.agent(weir.raw)
    async def worst(clicks):
        async for click in clicks:
            if click.seq % 3 == 0:
                raise KeyError(click.seq)
            await alerts.send(key=b"", value=b"%d" % click.seq)
"""


def records(kafka: KafkaSettings, topic: str, count: int) -> list[bytes]:
    """So many records of a topic, once it is there and has them."""
    settings = {"group.id": uuid4().hex, "auto.offset.reset": "earliest", "topic.metadata.refresh.interval.ms": 500}
    consumer = Consumer({**kafka.librdkafka(), **settings})
    consumer.subscribe([topic])
    found: list[bytes] = []
    limit = time.monotonic() + 60
    while len(found) < count:
        assert time.monotonic() < limit, f"only {found}"
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            found.append(message.value() or b"")
    consumer.close()
    return found


def metric(service: Service, line: str) -> float:
    told = httpx.get(f"{service.url}/-/metrics").text
    return next((float(one.rpartition(" ")[2]) for one in told.splitlines() if one.startswith(line)), 0.0)


def visit(minute: int, seq: int, **fields: Any) -> RawClick:
    return click(seq, ts=START + minute * MINUTE + seq, network="192.0.2.0/24", **fields)


def test_the_example_tells_of_a_link_that_is_suddenly_followed(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    worker = {"hold": "0", "enriched": "true", "enrichers": f"{EXAMPLES / 'company.py'}:company"}
    agents = f"agents {EXAMPLES / 'alerts.py'}"
    with (
        running("worker", tmp_path / "worker", kafka, warehouse, geo_dir=str(tmp_path), session_timeout="6", **worker),
        running(agents, tmp_path / "agents", kafka, agents_group=uuid4().hex),
    ):
        send(kafka, *(visit(0, seq) for seq in range(1, 6)), *(visit(1, seq) for seq in range(6, 80)))
        wait_for(client, 79)
        [alert] = (json.loads(value) for value in records(kafka, "alerts", 1))
    link_id = click(1).link_id
    assert alert == {"link_id": link_id, "minute": START + MINUTE, "clicks": 51, "usual": 5.0}
    found = client.query("SELECT extra, count() FROM events GROUP BY extra").result_rows
    assert [tuple(row) for row in found] == [({"company": "Acme Corporation"}, 79)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("1 / 0", "adding the agents raised ZeroDivisionError: division by zero (wrong.py, line 2)"),
        ("pass", "no agent was made"),
        ("weir.app.agent(weir.app.topic('x'))(lambda stream: None)\n    weir.app.agent(weir.raw)(len)", "clicks.raw"),
    ],
)
def test_agents_that_can_not_run_end_with_one_line_and_a_code_that_says_so(
    kafka_server: LocalKafka, tmp_path: Path, body: str, reason: str
) -> None:
    (tmp_path / "wrong.py").write_text(f"def agents(weir):\n    {body}\n")
    environment = {"WEIR_KAFKA": kafka_server.bootstrap, "WEIR_KAFKA_PREFIX": "none.", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [str(WEIR), "run", "agents", "wrong.py"], check=False, cwd=tmp_path, env=environment, capture_output=True
    )
    assert done.returncode == 78
    assert b"Traceback" not in done.stderr
    assert reason in done.stderr.decode()


def test_an_agent_that_raises_goes_on_with_the_next_and_the_core_knows_nothing_of_it(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "worst.py").write_text(WORST)
    with (
        running("worker", tmp_path / "worker", kafka, warehouse, geo_dir=str(tmp_path), session_timeout="6", hold="0"),
        running(f"agents {tmp_path / 'worst.py'}", tmp_path / "agents", kafka, agents_group=uuid4().hex) as agents,
    ):
        send(kafka, b"poison", *(visit(0, seq) for seq in range(1, 10)))
        seen = {int(value) for value in records(kafka, "worst", 6)}
        assert metric(agents, "weir_agents_raised_total") == 3
        assert metric(agents, "weir_agents_undecodable_total") == 1
        wait_for(client, 10)
        assert agents.stop() == 0
    assert seen == {1, 2, 4, 5, 7, 8}
    assert audited(kafka, warehouse).adds_up
    assert "an agent raised" in (tmp_path / "agents").read_text()
    assert "KeyError: 3 (worst.py, line 9)" in (tmp_path / "agents").read_text()
