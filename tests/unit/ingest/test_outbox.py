"""The outbox, on librdkafka's own mock cluster: what it takes arrives once or flagged, and it never waits."""

import asyncio
import contextlib
import errno
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from ingest import metrics
from ingest.events import Kind, RawClick, decode, partition_key, partition_of
from ingest.outbox import Outbox
from ingest.sender import MAX_IN_FLIGHT
from ingest.settings import IngestSettings
from ingest.spool import Segment, Slot, take_slot

NO_BROKER = "127.0.0.1:1"


def settings(broker: str, **given: Any) -> IngestSettings:
    return IngestSettings(kafka=broker, kafka_mock=uuid4(), **given)


def click(outbox: Outbox, network: str = "192.0.2.0/24", **fields: Any) -> RawClick:
    return RawClick(kind=Kind.CLICK, src=outbox.upcoming.src, seq=outbox.upcoming.seq, ts=1, network=network, **fields)


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


def events(broker: str) -> list[RawClick]:
    """All events of the raw topic by source and number."""
    return sorted((decode(message.value() or b"") for message in messages(broker)), key=lambda one: (one.src, one.seq))


@contextlib.asynccontextmanager
async def running(outbox: Outbox) -> Any:
    task = asyncio.create_task(outbox.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)


def test_events_arrive_once_and_numbered(broker: str, slot: Slot) -> None:
    outbox = Outbox(settings(broker), slot)
    sent = []
    for number in range(100):
        sent.append(click(outbox, f"10.0.{number % 7}.0/24"))
        assert outbox.put(sent[-1])
    assert outbox.close(10) == 0
    assert outbox.mark == 101
    found = events(broker)
    assert found[:100] == sent
    assert (found[100].kind, found[100].seq, found[100].mark) == (Kind.CLOSE, 101, 101)
    for message in messages(broker):
        event, key = decode(message.value() or b""), message.key()
        assert isinstance(key, bytes)
        assert message.partition() == partition_of(key, 4) == zlib.crc32(key) % 4
        assert key == (f"{event.src:010x}".encode() if event.kind is Kind.CLOSE else partition_key(event))
    assert not list(slot.path.glob("*.spool"))


async def test_heartbeats_say_what_is_acknowledged(broker: str, slot: Slot) -> None:
    outbox = Outbox(settings(broker, redirector_heartbeat_seconds=0.1), slot)
    outbox.put(click(outbox))
    async with running(outbox):
        await until(lambda: outbox.mark > 0)
        acknowledged = outbox.upcoming.seq
        await until(lambda: outbox.upcoming.seq > acknowledged)
    assert outbox.close(10) == 0
    beats = [event for event in events(broker) if event.kind is Kind.HEARTBEAT]
    marks = [beat.mark for beat in beats]
    assert marks == sorted(marks)
    assert marks[-1] >= 1
    assert all(beat.mark < beat.seq for beat in beats)
    assert slot.partitions == 4


def test_what_can_t_be_taken_uses_no_number(slot: Slot) -> None:
    outbox = Outbox(IngestSettings(kafka=NO_BROKER, spool_megabytes=32), slot)
    before = metrics.NOT_ACCEPTED.counts["spool_full",]
    large = "x" * 100_000
    taken = 0
    while outbox.put(click(outbox, user_agent=large)):
        taken += 1
    assert 300 < taken < 336
    assert outbox.upcoming.seq == taken + 1
    assert metrics.NOT_ACCEPTED.counts["spool_full",] == before + 1
    assert outbox.close(0) == taken + 1, "its last word still fits"
    assert outbox.mark == 0


async def test_what_waited_for_kafka_in_the_spool_arrives_unflagged(
    broker: str, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.sender.MAX_IN_FLIGHT", 300)
    outbox = Outbox(settings(broker), slot)
    sent = []
    for _ in range(2000):
        sent.append(click(outbox))
        assert outbox.put(sent[-1])
    async with running(outbox):
        await until(lambda: outbox.mark >= 2000)
        sent.append(click(outbox))
        assert outbox.put(sent[-1])
    assert outbox.close(10) == 0
    clicks = [event for event in events(broker) if event.kind is Kind.CLICK]
    assert clicks == sent


async def test_what_a_producer_gave_up_is_sent_again_flagged(
    broker: str, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.outbox.SEND_SECONDS", 0.0)
    outbox = Outbox(settings(broker), slot)
    async with running(outbox):
        sent = [click(outbox)]
        assert outbox.put(sent[0])
        await until(lambda: outbox.mark >= 1 and not outbox._flights)  # a heartbeat on its way would go first
        for _ in range(50):
            sent.append(click(outbox))
            assert outbox.put(sent[-1])
        outbox._turn()  # handed over, and not known to have arrived
        outbox._sender.fail(KafkaError(KafkaError._FATAL))
        sent.append(click(outbox))
        assert outbox.put(sent[-1])
        await until(lambda: outbox.mark >= sent[-1].seq)
    assert outbox.close(10) == 0
    found: dict[int, list[bool]] = {}
    for event in events(broker):
        if event.kind is Kind.CLICK:
            found.setdefault(event.seq, []).append(event.resent)
    assert sorted(found) == [event.seq for event in sent]
    assert found[sent[0].seq] == found[sent[-1].seq] == [False]
    for event in sent[1:-1]:
        assert max(found[event.seq]) is True, "it may be there twice, and its copy says so"
        assert found[event.seq].count(False) <= 1


async def test_a_successor_sends_what_a_dead_process_left_and_closes_it(broker: str, tmp_path: Path) -> None:
    dead_slot = take_slot(tmp_path)
    dead = Outbox(settings(NO_BROKER), dead_slot)
    sent = []
    for number in range(300):
        sent.append(click(dead, f"10.0.{number % 7}.0/24"))
        assert dead.put(sent[-1])
    dead_slot.release()  # as the system does when a process is killed
    slot = take_slot(tmp_path)
    outbox = Outbox(settings(broker), slot)
    async with running(outbox):
        await until(lambda: len(list(slot.path.glob("*.spool"))) == 1)
    assert outbox.close(10) == 0
    found = [event for event in events(broker) if event.src == sent[0].src]
    assert [event.seq for event in found] == list(range(1, 302))
    assert all(event.resent for event in found)
    assert (found[-1].kind, found[-1].mark) == (Kind.CLOSE, 301)
    slot.release()


def test_a_process_that_is_stopped_at_once_sends_what_its_predecessor_left(broker: str, tmp_path: Path) -> None:
    dead_slot = take_slot(tmp_path)
    dead = Outbox(settings(NO_BROKER), dead_slot)
    for _ in range(300):
        assert dead.put(click(dead))
    dead_slot.release()
    slot = take_slot(tmp_path)
    assert Outbox(settings(broker), slot).close(10) == 0
    assert not list(slot.path.glob("*.spool"))
    assert len([event for event in events(broker) if event.src == dead.upcoming.src]) == 301
    slot.release()


async def test_what_is_synced_is_on_the_disk(slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(settings(NO_BROKER, spool_sync="answer"), slot)
    flushed: list[int] = []

    def noted(segments: list[Any]) -> None:
        flushed.append(segments[-1].last)

    monkeypatch.setattr("ingest.outbox.flush", noted)
    waiting = []
    for _ in range(20):
        assert outbox.put(click(outbox))
        waiting.append(asyncio.create_task(outbox.synced()))
    await asyncio.gather(*waiting)
    assert flushed
    assert flushed[-1] == 20
    assert len(flushed) < 20
    outbox.close(0)


def test_more_than_the_producer_may_hold_waits_in_the_spool(slot: Slot) -> None:
    outbox = Outbox(settings(NO_BROKER), slot)
    count = MAX_IN_FLIGHT + 10
    one = click(outbox)
    for _ in range(count):
        assert outbox.put(one)
    outbox._turn()
    assert outbox._sender.in_flight <= MAX_IN_FLIGHT + 10  # errors that were not heard yet are counted with them
    assert outbox.close(0) == count + 1


async def test_a_disk_that_fails_ends_nothing_and_is_told(
    broker: str, slot: Slot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: Segment) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Segment, "remove", fails)
    outbox = Outbox(settings(broker), slot, segment_bytes=1 << 12)
    async with running(outbox):
        for _ in range(100):
            assert outbox.put(click(outbox))
        await until(lambda: outbox.mark >= 100)
        await until(lambda: "Read-only file system" in capsys.readouterr().out)
        assert outbox.put(click(outbox))
        await until(lambda: outbox.mark >= 101)
