"""The promise behind a speed: each click that was answered is in Kafka once, and no number of its source is missing."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Mapping

import click
import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from ingest.events import Kind
from ingest.kafka import CLICKS_RAW, KafkaSettings, watermarks

DELIVERY_SECONDS = 120.0
STABLE_SECONDS = 1.0
READ_SECONDS = 60.0


class Event(msgspec.Struct):
    """What is looked at of a record."""

    kind: Kind
    src: int
    seq: int


_decode = msgspec.json.Decoder(Event).decode


def empty(kafka: KafkaSettings) -> None:
    """Forget what earlier runs left on `clicks.raw`."""
    _empty(kafka, watermarks(kafka, CLICKS_RAW))


def kept(kafka: KafkaSettings, answered: int, open_at_the_end: int) -> int:
    """How many clicks are on `clicks.raw`, which is emptied.

    Raises `click.ClickException` where clicks are missing or doubled, or more than those that were answered and those
    (`open_at_the_end`, at most) whose answers nobody waited for.
    """
    ends = _wait(kafka, answered)
    numbers: dict[int, list[int]] = defaultdict(list)
    clicks = 0
    for event in _read(kafka, ends):
        numbers[event.src].append(event.seq)
        clicks += event.kind is Kind.CLICK
    if not answered <= clicks <= answered + open_at_the_end:
        raise click.ClickException(f"{answered:,} clicks were answered, and {clicks:,} are in Kafka.")
    for src, found in numbers.items():
        if len(set(found)) != len(found) or len(found) != max(found) - min(found) + 1:
            raise click.ClickException(f"Of source {src:010x}, numbers are missing or doubled in Kafka.")
    _empty(kafka, ends)
    return clicks


def _wait(kafka: KafkaSettings, answered: int) -> Mapping[int, tuple[int, int]]:
    """The topic's ends once they hold so many records and grow by no more than a heartbeat.

    A broker that has hung leads nothing for a moment, until it has registered again.
    """
    limit = time.monotonic() + DELIVERY_SECONDS
    before, ends = -1, dict[int, tuple[int, int]]()
    while time.monotonic() < limit:
        with contextlib.suppress(KafkaException):
            ends = watermarks(kafka, CLICKS_RAW)
        found = sum(end - begin for begin, end in ends.values())
        if found >= answered and found - before <= 1:
            break
        time.sleep(STABLE_SECONDS)
        before = found
    return ends


def _read(kafka: KafkaSettings, ends: Mapping[int, tuple[int, int]]) -> list[Event]:
    consumer = Consumer(kafka.librdkafka() | {"group.id": "bench-promise", "enable.auto.commit": False})
    name = kafka.topic(CLICKS_RAW.name)
    consumer.assign([TopicPartition(name, number, begin) for number, (begin, _) in ends.items()])
    wanted = sum(end - begin for begin, end in ends.values())
    found: list[Event] = []
    limit = time.monotonic() + READ_SECONDS
    while len(found) < wanted and time.monotonic() < limit:
        for message in consumer.consume(10_000, 1.0):
            if message.error() is None and (message.offset() or 0) < ends[message.partition() or 0][1]:
                found.append(_decode(message.value() or b""))
                limit = time.monotonic() + READ_SECONDS
    consumer.close()
    return found


def _empty(kafka: KafkaSettings, ends: Mapping[int, tuple[int, int]]) -> None:
    name = kafka.topic(CLICKS_RAW.name)
    parts = [TopicPartition(name, number, end) for number, (_, end) in ends.items()]
    admin = AdminClient(kafka.librdkafka())  # kept: with it goes the thread that says when it is done
    for done in admin.delete_records(parts).values():
        done.result(READ_SECONDS)
