"""The batch transport on a real Kafka: whole batches, explicit done-marks, an intake's positions, stock agents too."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import faust
import pytest
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import Producer, TopicPartition
from faust.types import StreamT

from ingest.kafka import CLICKS_RAW, LINK_COMMANDS, KafkaSettings
from streams.batch import Batch
from streams.broker import connection
from streams.transport import App, BatchSchema, Consumer

pytestmark = pytest.mark.kafka


class Positions:
    """An intake that remembers what it was given, by partition, and starts where it is told to."""

    def __init__(self, starts: Mapping[int, int] | None = None) -> None:
        self.starts = dict(starts or {})
        self.taken: dict[int, list[int]] = defaultdict(list)
        self.opened = 0
        self.drained = 0
        self.stalled: set[int] = set()

    async def open(self, beginnings: Mapping[int, int]) -> Mapping[int, int]:
        self.opened += 1
        return {number: self.starts.get(number, first) for number, first in beginnings.items()}

    def full(self, partition: int) -> bool:
        return partition in self.stalled

    def positions(self) -> Mapping[int, int]:
        return {}

    async def drain(self) -> None:
        self.drained += 1


def new_app(settings: KafkaSettings, group: str) -> faust.App:
    return App(
        group,
        **connection(settings),
        stream_buffer_maxsize=4,
        stream_wait_empty=True,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        broker_commit_interval=0.2,
    )


@asynccontextmanager
async def batches_of(
    settings: KafkaSettings, group: str, intake: Positions, *, done: bool = True
) -> AsyncIterator[faust.App]:
    """A running app whose one agent notes the offsets of its batches, and marks them done where it is to."""
    app = new_app(settings, group)
    consumer = cast(Consumer, app.consumer)
    topic = settings.topic(CLICKS_RAW.name)
    consumer.intakes[topic] = intake

    @app.agent(app.topic(topic, schema=BatchSchema()))
    async def take(batches: StreamT[Batch]) -> None:
        async for batch in batches:
            intake.taken[batch.partition] += [record.offset for record in batch.records]
            if done:
                consumer.mark_done(topic, batch.partition, batch.next)

    await app.start()
    try:
        yield app
    finally:
        await app.stop()


def produce(settings: KafkaSettings, topic: str, count: int) -> dict[int, int]:
    """Send `count` records; returns how many went to each partition."""
    sent: dict[int | None, int] = defaultdict(int)
    producer = Producer({**settings.librdkafka(), "queue.buffering.max.messages": count + 1})
    for number in range(count):
        producer.produce(
            settings.topic(topic),
            key=str(number).encode(),
            value=b"x" * 200,
            on_delivery=lambda _, message: sent.__setitem__(message.partition(), sent[message.partition()] + 1),
        )
    assert producer.flush(30) == 0
    return {number: records for number, records in sent.items() if number is not None}


def committed(settings: KafkaSettings, group: str) -> dict[int, int]:
    consumer = KafkaConsumer({**settings.librdkafka(), "group.id": group})
    topic = settings.topic(CLICKS_RAW.name)
    found = consumer.committed([TopicPartition(topic, number) for number in range(settings.kafka_partitions)], 10)
    consumer.close()
    return {place.partition: place.offset for place in found}


async def until(condition: object, seconds: float = 40) -> None:
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def test_every_record_arrives_once_in_order_in_batches_of_one_partition(kafka: KafkaSettings) -> None:
    sent = produce(kafka, CLICKS_RAW.name, 20_000)
    intake = Positions()
    async with batches_of(kafka, "once", intake):
        await until(lambda: sum(map(len, intake.taken.values())) >= 20_000)
        await until(lambda: committed(kafka, "once") == sent)
    assert intake.taken == {number: list(range(count)) for number, count in sent.items()}
    assert intake.drained >= 1  # the stop waited for what was in flight


async def test_nothing_is_committed_before_it_is_marked_done(kafka: KafkaSettings) -> None:
    sent = produce(kafka, CLICKS_RAW.name, 1_000)
    intake = Positions()
    async with batches_of(kafka, "undone", intake, done=False):
        await until(lambda: sum(map(len, intake.taken.values())) >= 1_000)
        await asyncio.sleep(1)
    assert set(committed(kafka, "undone").values()) == {-1001}  # librdkafka's "no offset"
    assert sum(sent.values()) == 1_000


async def test_after_a_failure_nothing_more_is_committed(kafka: KafkaSettings) -> None:
    produce(kafka, CLICKS_RAW.name, 1_000)
    intake = Positions()
    async with batches_of(kafka, "failed", intake) as app:
        cast(Consumer, app.consumer).halt()
        await until(lambda: sum(map(len, intake.taken.values())) >= 1_000)
        await asyncio.sleep(1)
    assert set(committed(kafka, "failed").values()) == {-1001}


async def test_reading_starts_where_the_intake_says_whatever_was_committed(kafka: KafkaSettings) -> None:
    sent = produce(kafka, CLICKS_RAW.name, 4_000)
    async with batches_of(kafka, "again", first := Positions()):
        await until(lambda: sum(map(len, first.taken.values())) >= 4_000)
    starts = {number: count - 10 for number, count in sent.items()}
    async with batches_of(kafka, "again", second := Positions(starts)):
        await until(lambda: sum(map(len, second.taken.values())) >= 10 * len(sent))
    assert second.taken == {number: list(range(count - 10, count)) for number, count in sent.items()}


async def test_a_full_partition_is_left_alone_and_the_others_go_on(kafka: KafkaSettings) -> None:
    sent = produce(kafka, CLICKS_RAW.name, 2_000)
    intake = Positions()
    intake.stalled = {0}
    async with batches_of(kafka, "full", intake):
        await until(lambda: all(len(intake.taken[number]) == sent[number] for number in sent if number != 0))
        assert not intake.taken[0]
        intake.stalled = set()
        await until(lambda: len(intake.taken[0]) == sent[0])


async def test_stock_agents_work_in_the_same_app(kafka: KafkaSettings) -> None:
    produce(kafka, LINK_COMMANDS.name, 500)
    produce(kafka, CLICKS_RAW.name, 500)
    app = new_app(kafka, "both")
    single, batched = [], []

    @app.agent(app.topic(kafka.topic(LINK_COMMANDS.name), value_serializer="raw"))
    async def one_by_one(values: StreamT[bytes]) -> None:
        async for value in values:
            single.append(value)  # noqa: PERF401  # the stream does not end

    @app.agent(app.topic(kafka.topic(CLICKS_RAW.name), schema=BatchSchema()))
    async def by_batch(batches: StreamT[Batch]) -> None:
        async for batch in batches:
            batched.append(batch)  # noqa: PERF401  # the stream does not end

    await app.start()
    try:
        await until(lambda: len(single) == 500 and sum(len(batch.records) for batch in batched) == 500)
    finally:
        await app.stop()
    assert set(single) == {b"x" * 200}
