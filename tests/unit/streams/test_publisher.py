"""What is stored is published: all of it, in order, and nothing is done before it is sent."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, cast
from uuid import UUID

import numpy as np
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from ingest.events import Kind
from ingest.kafka import KafkaSettings
from streams import metrics, publisher
from streams.enriched import EnrichedClick
from streams.patience import Patience
from streams.publisher import Delivery, NotPublished, Publication, Publisher
from tests.unit.streams.clicks import click, columns
from warehouse.columns import Coded, Columns
from warehouse.events import ENRICHED_COLUMNS
from warehouse.ledger import Ledger, Partition

PARTITION = Partition(UUID(int=7), 3)


def rows(first: int, end: int, kind: Kind = Kind.CLICK) -> Columns:
    """Rows of a run of offsets, as the chain makes them."""
    count = end - first
    made = {name: Coded.constant("", count) for name in ENRICHED_COLUMNS if name != "extra"}
    judged = {name: Coded.constant("", count) for name in ("outcome", "verdict", "rules_version")}
    return {
        **columns(*(click(seq=offset + 1, kind=kind) for offset in range(first, end))),
        **made,
        **judged,
        "asn": Coded.constant(0, count),
        "score": Coded.constant(0, count),
        "reasons": Coded.constant((), count),
        "topic_id": Coded.constant(PARTITION.topic_id, count),
        "kafka_partition": Coded.constant(PARTITION.number, count),
        "kafka_offset": np.arange(first, end),
        "append_time": np.arange(first, end),
    }


class Stored(Ledger):
    """A ledger in which every offset asked for stands."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    async def read(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        assert statement == "enriched"
        first, end = parameters["first"], parameters["end"]
        self.asked.append((first, end))
        await asyncio.sleep(0)
        places = EnrichedClick.__struct_fields__.index("kafka_offset") + 1
        return [(*[""] * (places - 1), offset) for offset in range(first, end)]


class Sent(Publisher):
    """A topic in memory; each sending takes a while."""

    def __init__(self, chance: Random | None = None) -> None:
        self.offsets: list[int] = []
        self._chance = chance or Random(1)

    async def send(self, clicks: Iterable[EnrichedClick]) -> None:
        found = [one.kafka_offset for one in clicks]
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)
        self.offsets += found


def publication(topic: Publisher, ledger: Ledger, done: list[int]) -> Publication:
    return Publication(PARTITION, topic, ledger, Patience(1, 0), done.append)


async def test_what_is_stored_now_is_sent_at_once_and_then_done() -> None:
    topic, ledger, done = Sent(), Stored(), list[int]()
    one = publication(topic, ledger, done)
    one.open(10, 10)
    await one.catch_up()
    await one.follow(rows(10, 15))
    await one.follow(rows(15, 16))
    assert (topic.offsets, done, ledger.asked) == ([10, 11, 12, 13, 14, 15], [15, 16], [])


async def test_what_was_stored_and_may_not_be_sent_is_read_back_first() -> None:
    topic, ledger, done = Sent(), Stored(), list[int]()
    one = publication(topic, ledger, done)
    one.open(4, 10)
    await one.follow(rows(10, 12))
    assert (topic.offsets, done) == ([], [])
    await one.catch_up()
    assert (topic.offsets, done, ledger.asked) == ([4, 5, 6, 7, 8, 9, 10, 11], [12], [(4, 12)])


async def test_rows_that_are_made_again_are_sent_again_only_where_they_may_not_have_been() -> None:
    topic, done = Sent(), list[int]()
    one = publication(topic, Stored(), done)
    one.open(20, 10)  # rows were lost: what was committed is beyond what stands
    await one.follow(rows(10, 14))
    await one.follow(rows(12, 14))
    await one.follow(rows(12, 16))
    assert (topic.offsets, done) == ([10, 11, 12, 13, 12, 13, 14, 15], [14, 16])


async def test_only_requests_are_sent_but_all_is_done() -> None:
    topic, done = Sent(), list[int]()
    one = publication(topic, Stored(), done)
    await one.follow(rows(0, 2, Kind.HEARTBEAT))
    await one.follow(rows(2, 3, Kind.ORPHAN))
    dead = {**rows(3, 4), "kind": Coded.constant("unknown", 1)}
    await one.follow(dead)
    assert (topic.offsets, done) == ([2], [2, 3, 4])


@pytest.mark.parametrize("seed", range(50))
async def test_however_storing_and_reading_back_interleave_all_is_sent_in_order_before_it_is_done(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "READ_BACK", 3)
    chance = Random(seed)
    topic = Sent(chance)
    done: list[int] = []

    def mark(offset: int) -> None:
        assert topic.offsets[-1] == offset - 1
        done.append(offset)

    one = Publication(PARTITION, topic, Stored(), Patience(1, 0), mark)
    sent, stored = sorted(chance.randrange(20) for _ in range(2))
    one.open(sent, stored)
    catching_up = asyncio.create_task(one.catch_up())
    end = stored
    for _ in range(10):
        first, end = end, end + chance.randrange(1, 5)
        await one.follow(rows(first, end))
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
    await catching_up
    assert topic.offsets == list(range(sent, end))
    assert done[-1] == end
    assert done == sorted(set(done))


class Polled:
    """A producer from which nothing comes by itself."""

    def poll(self, _: float) -> int:
        return 0


def delivery() -> Delivery:
    return Delivery(cast(Producer, Polled()))


def test_a_record_that_is_too_large_is_left_out_and_counted() -> None:
    before = metrics.UNPUBLISHED._value.get()
    one = delivery()
    one.expect()
    one.expect()
    one(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    one(None)
    one.wait()
    assert (one.arrived, metrics.UNPUBLISHED._value.get()) == (1, before + 1)


def test_what_never_arrives_is_raised() -> None:
    one = delivery()
    one.expect()
    one(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(KafkaException):
        one.wait()


def test_a_kafka_that_takes_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "SECONDS", 0.0)
    one = delivery()
    one.expect()
    with pytest.raises(NotPublished, match=r"nothing of clicks\.enriched"):
        one.wait()


async def test_a_kafka_that_is_away_is_told() -> None:
    away = Publisher(KafkaSettings(kafka="127.0.0.1:1"), "weir")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publisher, "SECONDS", 0.5)
        with pytest.raises(KafkaException):
            await away.sent([0])
        with pytest.raises(NotPublished):
            await away.send([EnrichedClick()])
