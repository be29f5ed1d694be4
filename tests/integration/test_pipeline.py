"""The worker as a process, on a real Kafka and the real engine: what goes into the log comes out as rows, once."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, Producer

from deploy.commands.audit import AuditSettings, take
from ingest.events import Kind, RawClick, click_id, encode, partition_key
from ingest.kafka import CLICKS_RAW, LINK_COMMANDS, KafkaSettings
from ingest.links import LinkCommand, LinkFields, Operation, link_id, link_key
from tests.fixtures.services import Service, running
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = pytest.mark.kafka

NOW_MS = int(time.time() * 1000)
SRC = 0xABCDEF


def click(seq: int, **fields: Any) -> RawClick:
    ts = fields.pop("ts", NOW_MS + seq)
    src = fields.pop("src", SRC)
    given: dict[str, Any] = {
        "kind": Kind.CLICK,
        "status": 302,
        "domain": "go.example",
        "path": "/spring",
        "user_agent": CHROME,
    }
    given |= {"network": f"192.0.{seq % 256}.0/24", "link_id": link_id("go.example", "spring")}
    return RawClick(src=src, seq=seq, ts=ts, id=click_id(ts, src, seq), **(given | fields))


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)


def send(kafka: KafkaSettings, *values: RawClick | bytes | None, topic: str = CLICKS_RAW.name) -> None:
    producer = Producer({**kafka.librdkafka(), "queue.buffering.max.messages": len(values) + 1})
    for value in values:
        key = partition_key(value) if isinstance(value, RawClick) else b"poison"
        body = encode(value) if isinstance(value, RawClick) else value
        producer.produce(kafka.topic(topic), key=key, value=body)
    assert producer.flush(30) == 0


def wait_for(client: Client, rows: int, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while (found := client.command("SELECT count() FROM events")) != rows:
        assert time.monotonic() < limit, f"{found} rows of {rows}"
        time.sleep(0.1)


def audited(kafka: KafkaSettings, warehouse: WarehouseSettings) -> Any:
    return take(AuditSettings(**{**dict(kafka), **dict(warehouse)}), 20)


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Any:
    found = connect(warehouse)
    yield found
    found.close()


@pytest.fixture
def worker(kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path) -> Any:
    log = tmp_path / "worker.log"
    with running("worker", log, kafka, warehouse, geo_dir=str(tmp_path), session_timeout="6") as service:
        yield service


def test_one_clicks_every_field_becomes_its_column(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service
) -> None:
    sent = click(
        1,
        link_version=3,
        destination="https://shop.example/?utm_source=Newsletter",
        address_id="00000000000000aa",
        visitor_id="00000000000000bb",
        salt_day="2026-11-22",
        hints={"mobile": "?0", "platform": '"Windows"'},
        referrer="https://www.google.com/search",
        language="de-AT,de;q=0.9",
        query="utm_source=Email&utm_medium=E-Mail&utm_campaign=Spring",
        position=3,
        position_of=10,
        slot="hero",
        message="m1",
        recipient="r1",
        sent_at=1_763_800_000,
    )
    send(kafka, sent)
    wait_for(client, 1)
    row = client.query("SELECT *, click_id FROM events").first_item or {}
    expected = {
        "kafka_offset": 0, "edition": 0, "kind": "click", "outcome": "human", "verdict": "human", "src": SRC, "seq": 1,
        "domain": "go.example", "path": "/spring", "status": 302, "link_id": int(sent.link_id, 16), "link_version": 3,
        "address_id": 0xAA, "visitor_id": 0xBB, "device": "desktop", "os": "Windows", "browser": "Chrome",
        "referrer_host": "google.com", "referrer_source": "Google", "utm_source": "email", "utm_source_raw": "Email",
        "utm_medium": "email", "utm_campaign": "spring", "utm_campaign_raw": "Spring", "channel": "Email",
        "position": 3, "position_of": 10, "slot": "hero", "placement": "2nd 20%", "message_id": "m1",
        "recipient_id": "r1", "language": "de-at", "hints": sent.hints, "query": sent.query, "network": sent.network,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert str(row["click_id"]) == sent.id
    assert row["salt_day"].isoformat() == "2026-11-22"
    assert row["ts"].timestamp() * 1000 == pytest.approx(sent.ts)
    assert row["fence"] > 0


def test_a_worker_leaves_nothing_where_it_was_started(
    kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path
) -> None:
    here = set(Path.cwd().iterdir())
    group = uuid4().hex
    with running("worker", tmp_path / "log", kafka, warehouse, geo_dir=str(tmp_path), group=group):
        assert not {path.name for path in set(Path.cwd().iterdir()) - here if group in path.name}


def test_poison_becomes_dead_letters_and_the_ledger_still_adds_up(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service
) -> None:
    poison = [None, b"", b"{", b"\xff" * 10, b"x" * 900_000, b'{"kind":"click"}']
    send(kafka, *poison, *(click(seq) for seq in range(1, 21)))
    wait_for(client, 26)
    letters = client.query(
        "SELECT reason, payload_size, kafka_offset, kafka_partition FROM dead_letters FINAL"
    ).result_rows
    assert Counter(row[0] for row in letters) == {"empty": 2, "not_json": 3, "invalid": 1}
    dead = client.query("SELECT kafka_offset, kafka_partition FROM events WHERE outcome = 'dead'").result_rows
    assert {tuple(row) for row in dead} == {tuple(row[2:]) for row in letters}
    found = audited(kafka, warehouse)
    assert found.adds_up
    assert found.behind == 0
    assert sum(partition.outcomes.get("dead", 0) for partition in found.partitions) == 6
    told = httpx.get(f"{worker.url}/-/metrics").text
    assert 'weir_worker_rows_stored_total{outcome="dead"} 6.0' in told
    assert 'weir_worker_rows_stored_total{outcome="human"} 20.0' in told
    assert "weir_worker_insert_seconds_count 0.0" not in told


def test_twenty_thousand_clicks_are_twenty_thousand_rows_through_kills_and_restarts(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service
) -> None:
    for start in range(1, 20_001, 5_000):
        send(kafka, *(click(seq) for seq in range(start, start + 5_000)))
        worker.kill()
        worker.restart()
    wait_for(client, 20_000)
    assert client.command("SELECT uniqExact(src, seq) FROM events WHERE outcome = 'human'") == 20_000
    assert worker.stop() == 0
    found = audited(kafka, warehouse)
    assert found.adds_up
    assert sum(partition.rows for partition in found.partitions) == 20_000


def test_a_click_that_is_sent_again_counts_once(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service
) -> None:
    clicks = [click(seq) for seq in range(1, 101)]
    again = [click(seq, resent=True) for seq in range(1, 101)]
    send(kafka, *clicks)
    wait_for(client, 100)
    send(kafka, *again, *again)
    wait_for(client, 300)
    counted = client.query("SELECT outcome, count() FROM events GROUP BY outcome").result_rows
    assert {outcome: rows for outcome, rows in counted} == {"human": 100, "duplicate": 200}  # noqa: C416
    assert audited(kafka, warehouse).adds_up


def test_links_are_written_by_commands_and_reach_clickhouse(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service
) -> None:
    def command(identity: str, operation: Operation, **fields: Any) -> bytes:
        return json_of(
            LinkCommand(
                id=identity, operation=operation, domain="go.example", slug="spring", at=NOW_MS,
                fields=LinkFields(**fields), reply_to=kafka.topic("links.replies"),
            )
        )  # fmt: skip

    producer = Producer(kafka.librdkafka())
    for value in (
        command("c1", Operation.CREATE, destination="https://example.com/", title="Spring"),
        command("c1", Operation.CREATE, destination="https://example.com/", title="Spring"),  # read again
        command("c2", Operation.CREATE, destination="https://example.com/"),  # taken
        command("c3", Operation.UPDATE, title="Spring sale"),
        command("c4", Operation.DELETE),
    ):
        producer.produce(kafka.topic(LINK_COMMANDS.name), key=link_key("go.example", "spring"), value=value)
    assert producer.flush(20) == 0

    consumer = Consumer({**kafka.librdkafka(), "group.id": "replies", "auto.offset.reset": "earliest"})
    consumer.subscribe([kafka.topic("links.replies")])
    replies: list[dict[str, Any]] = []
    while len(replies) < 5:
        message = consumer.poll(30)
        assert message is not None, f"only {replies}"
        replies.append(json.loads(message.value() or b""))
    consumer.close()
    assert [(reply["command_id"], reply["status"]) for reply in replies] == [
        ("c1", 201), ("c1", 201), ("c2", 409), ("c3", 200), ("c4", 204),
    ]  # fmt: skip
    limit = time.monotonic() + 20
    query = "SELECT version, deleted FROM links FINAL"
    while (rows := client.query(query).result_rows) != [(3, 1)]:
        assert time.monotonic() < limit, rows
        time.sleep(0.2)


def json_of(command: LinkCommand) -> bytes:
    return msgspec.json.encode(command)
