"""`clicks.enriched` on a real Kafka and the real engine: the rows that stand, all of them, whatever crashes between."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer

from deploy.reference import DOCS
from ingest.events import Kind, partition_key
from ingest.kafka import CLICKS_ENRICHED, CLICKS_RAW, KafkaSettings, topic_id, watermarks
from streams.enriched import EnrichedClick, decode, encode
from tests.fixtures.services import running
from tests.integration.test_pipeline import click, client, send, wait_for
from warehouse.settings import WarehouseSettings
from warehouse.sql import load

__all__ = ["client"]

pytestmark = pytest.mark.kafka

RICH: dict[str, Any] = {
    "link_version": 3, "variant": "b", "destination": "https://shop.example/", "address_id": "00000000000000aa",
    "visitor_id": "00000000000000bb", "salt_day": "2026-11-22", "hints": {"mobile": "?0", "platform": '"Windows"'},
    "referrer": "https://www.google.com/", "language": "de-AT,de;q=0.9", "purpose": "x-moz: prefetch", "qr": True,
    "query": "utm_source=Email&utm_campaign=Spring&gclid=", "position": 3, "position_of": 10, "slot": "hero",
    "message": "m1", "recipient": "r1", "sent_at": 1_763_800_000, "channel": "email", "salt_local": True,
}  # fmt: skip

OWN = """
from streams.extension import Added, OwnReason, Verdict

def company(click):
    return Added({"company": "Acme"}, (OwnReason("mine", Verdict.SUSPECT, 10),)) if click.message_id else None
"""

FAST = {"hold": "0", "batch_linger": "0.1", "session_timeout": "6", "enriched": "true"}


def published(kafka: KafkaSettings, distinct: int, seconds: float = 60) -> list[tuple[bytes, EnrichedClick]]:
    """Key and value of all records, once so many different rows are among them, and no more come for two seconds."""
    consumer = Consumer({**kafka.librdkafka(), "group.id": uuid4().hex, "auto.offset.reset": "earliest"})
    consumer.subscribe([kafka.topic(CLICKS_ENRICHED.name)])
    found: list[tuple[bytes, EnrichedClick]] = []
    limit = time.monotonic() + seconds
    while (message := consumer.poll(2)) is not None or len({place(row) for _, row in found}) < distinct:
        if message is not None and message.error() is None:
            found.append((message.key() or b"", decode(message.value() or b"")))
        assert time.monotonic() < limit, f"{len(found)} records, and not {distinct} rows among them"
    consumer.close()
    return found


def stored(client: Client, kafka: KafkaSettings) -> dict[tuple[int, int], EnrichedClick]:
    """The rows as the publisher reads them back, by partition and offset."""
    rows: dict[tuple[int, int], EnrichedClick] = {}
    identity = str(topic_id(kafka, CLICKS_RAW))
    for partition in range(kafka.kafka_partitions):
        bounds = {"topic_id": identity, "partition": partition, "first": 0, "end": 1 << 40}
        for row in client.query(load("enriched"), parameters=bounds).result_rows:
            again = decode(encode(EnrichedClick(*row)))
            rows[again.kafka_partition, again.kafka_offset] = again
    return rows


def place(row: EnrichedClick) -> tuple[int, int]:
    return row.kafka_partition, row.kafka_offset


def by_highest_offset(rows: Iterable[EnrichedClick]) -> set[tuple[int, int]]:
    """The places of what a consumer takes that passes over all that is not above the highest offset so far."""
    highest: dict[int, int] = {}
    taken = set()
    for row in rows:
        if row.kafka_offset > highest.get(row.kafka_partition, -1):
            highest[row.kafka_partition] = row.kafka_offset
            taken.add(place(row))
    return taken


def test_a_record_says_what_the_row_says_whether_it_is_sent_at_once_or_read_back(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    rich, plain = click(1, **RICH), click(2, opted_out=True)
    orphan, heartbeat = click(3, kind=Kind.ORPHAN), click(4, kind=Kind.HEARTBEAT, mark=3)
    own = {**FAST, "enrichers": f"{tmp_path / 'own.py'}:company", "geo_dir": str(tmp_path)}
    with running("worker", tmp_path / "log", kafka, warehouse, **own):
        send(kafka, rich, plain, orphan, heartbeat, b"poison")
        wait_for(client, 5)
        records = published(kafka, 3)
    rows = stored(client, kafka)
    assert {place(row): row for _, row in records} == rows
    assert len(records) == len(rows) == 3
    by_seq = {row.seq: (key, row) for key, row in records}
    assert {seq: key for seq, (key, _) in by_seq.items()} == {
        one.seq: partition_key(one) for one in (rich, plain, orphan)
    }
    found = by_seq[1][1]
    assert found.click_id == rich.id
    assert found.topic_id == str(topic_id(kafka, CLICKS_RAW))
    assert (found.verdict, found.reasons) == ("prefetch", ("prefetch", "own:mine"))
    assert found.extra == {"company": "Acme"}
    sent = msgspec.structs.asdict(rich)
    renamed = {"language": "accept_language", "message": "message_id", "recipient": "recipient_id", "id": "click_id"}
    same = {renamed.get(name, name): value for name, value in sent.items() if name not in {"channel", "mark", "v"}}
    assert {name: getattr(found, name) for name in same} == same
    assert [by_seq[seq][1].outcome for seq in (2, 3)] == ["human", "orphan"]
    schema = json.loads((DOCS / "enriched-click.schema.json").read_text())
    for _, row in records:
        jsonschema.validate(json.loads(encode(row)), schema)


def test_nothing_is_missed_when_a_worker_dies_between_the_insert_and_the_topic(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    group = {**FAST, "group": kafka.kafka_prefix + "weir", "geo_dir": str(tmp_path)}
    with running("worker", tmp_path / "log", kafka, warehouse, **group, failpoint="after-insert:8") as dying:
        for seq in range(1, 601, 20):
            send(kafka, *(click(number) for number in range(seq, seq + 20)))
            if dying.process.poll() is not None:
                break
            time.sleep(0.1)
        assert dying.process.wait(30) == -9
    rows = stored(client, kafka)
    sent_before = sum(end for _, end in watermarks(kafka, CLICKS_ENRICHED).values())
    assert sent_before < len(rows)  # one insert stood that nobody was told of
    with running("worker", tmp_path / "log", kafka, warehouse, **group):
        send(kafka, *(click(number) for number in range(1001, 1021)))
        total = sum(end for _, end in watermarks(kafka, CLICKS_RAW).values())
        wait_for(client, total)
        records = published(kafka, total)
    found: dict[tuple[int, int], EnrichedClick] = {}
    for _, row in records:
        assert found.setdefault(place(row), row) == row
    assert found == stored(client, kafka)
    assert len(found) == total
    assert by_highest_offset(row for _, row in records) == set(found)


def test_a_group_that_has_committed_nothing_sends_all_that_the_log_still_has(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    group = {**FAST, "group": kafka.kafka_prefix + "weir", "geo_dir": str(tmp_path)}
    off = {**group, "enriched": "false"}
    with running("worker", tmp_path / "log", kafka, warehouse, **off):
        send(kafka, *(click(number) for number in range(1, 101)))
        wait_for(client, 100)
    assert sum(end for _, end in watermarks(kafka, CLICKS_ENRICHED).values()) == 0
    other = {**group, "group": kafka.kafka_prefix + "other"}  # has committed nothing
    with running("worker", tmp_path / "log", kafka, warehouse, **other):
        records = published(kafka, 100)
    assert {place(row): row for _, row in records} == stored(client, kafka)
