"""The outbox, on librdkafka's own mock cluster: what it takes arrives once, numbered, and it never waits."""

import asyncio
import contextlib
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, Message, TopicPartition

from ingest.events import Kind, RawClick, decode, partition_key
from ingest.producer import Outbox
from ingest.settings import IngestSettings

NO_BROKER = "127.0.0.1:1"


def settings(broker: str, **given: Any) -> IngestSettings:
    return IngestSettings(kafka=broker, kafka_mock=uuid4(), **given)


def click(outbox: Outbox, network: str = "192.0.2.0/24") -> RawClick:
    return RawClick(kind=Kind.CLICK, src=outbox.upcoming.src, seq=outbox.upcoming.seq, ts=1, network=network)


def messages(broker: str) -> list[Message]:
    """All records of the raw topic, which has four partitions on a mock cluster."""
    options: dict[str, Any] = {"bootstrap.servers": broker, "group.id": "test", "enable.partition.eof": True}
    consumer = Consumer(options | {"log_level": 0})
    consumer.assign([TopicPartition("clicks.raw", partition, 0) for partition in range(4)])
    found: list[Message] = []
    ends = 0
    while ends < 4:
        message = consumer.poll(10)
        assert message is not None
        ends += message.error() is not None
        if message.error() is None:
            found.append(message)
    consumer.close()
    return found


def test_events_arrive_once_and_numbered(broker: str) -> None:
    outbox = Outbox(settings(broker))
    sent = []
    for number in range(100):
        sent.append(click(outbox, f"10.0.{number % 7}.0/24"))
        assert outbox.put(sent[-1])
    assert outbox.close(10) == 0
    assert outbox.mark == 101
    found = messages(broker)
    events = sorted((decode(message.value() or b"") for message in found), key=lambda event: event.seq)
    assert events[:100] == sent
    assert (events[100].kind, events[100].seq, events[100].mark) == (Kind.CLOSE, 101, 101)
    keys = {message.key(): message.partition() for message in found}
    assert len(keys) == 8
    for message in found:
        event = decode(message.value() or b"")
        assert message.partition() == keys[message.key()]
        assert message.headers() == [("src", str(event.src).encode()), ("seq", str(event.seq).encode())]
        assert event.kind is Kind.CLOSE or message.key() == partition_key(event)


async def test_heartbeats_say_what_is_acknowledged(broker: str) -> None:
    outbox = Outbox(settings(broker, redirector_heartbeat_seconds=0.1))
    outbox.put(click(outbox))
    running = asyncio.create_task(outbox.run())
    async with asyncio.timeout(10):
        while outbox.mark == 0:
            await asyncio.sleep(0.01)
        acknowledged = outbox.upcoming.seq
        while outbox.upcoming.seq == acknowledged:
            await asyncio.sleep(0.01)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert outbox.close(10) == 0
    beats = [
        event
        for event in (decode(message.value() or b"") for message in messages(broker))
        if event.kind is Kind.HEARTBEAT
    ]
    marks = [beat.mark for beat in sorted(beats, key=lambda beat: beat.seq)]
    assert marks == sorted(marks)
    assert marks[-1] >= 1
    assert all(beat.mark < beat.seq for beat in beats)


def test_what_can_t_be_taken_uses_no_number() -> None:
    outbox = Outbox(IngestSettings(kafka=NO_BROKER, redirector_queue=2))
    assert [outbox.put(click(outbox)) for _ in range(4)] == [True, True, False, False]
    assert outbox.upcoming.seq == 3
    assert outbox.close(0) == 2
    assert outbox.mark == 0
