"""The publisher: what stands in `events` is written to `clicks.enriched`, for whoever else wants it.

Delivery guarantee: at least once, and nothing is missed. Kafka's commit of `clicks.raw` follows the topic, so the
committed offset says how far everything was sent; rows that are stored beyond it (of a worker that died in between) are
read from ClickHouse and sent before others are. Records of one partition of `clicks.raw` are sent to one partition, in
their order; what comes again comes after it was there before, so whoever keeps the highest offset knows all copies.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from ingest.events import Kind, key_of
from ingest.kafka import CLICKS_ENRICHED, CLICKS_RAW, KafkaSettings
from streams import metrics
from streams.enriched import EnrichedClick, encode, enriched_clicks
from streams.patience import Patience
from warehouse.columns import Columns, coded, picked
from warehouse.ledger import Ledger, Partition

log = structlog.get_logger()

SECONDS = 25.0
"""How long Kafka may take none of the records before the worker stops; below what the watchdog waits."""

PUBLISH = "publish"
"""By which it is timed, as the steps of the chain are."""

READ_BACK = 10_000
"""Offsets that are read from ClickHouse at a time."""

SENT = frozenset({Kind.CLICK, Kind.ORPHAN, Kind.EXPIRED, Kind.DISABLED})
"""What is sent: requests. Redirectors' own words and undecodable records are not."""


class NotPublished(OSError):
    """Kafka does not take what is to be written to `clicks.enriched`."""


class NoTopic(Exception):
    """The topic is not there."""


class Publisher:
    """The producer of a worker, and how far its group has come."""

    def __init__(self, settings: KafkaSettings, group: str) -> None:
        self._settings, self._group = settings, group
        self._topic = settings.topic(CLICKS_ENRICHED.name)
        self._partitions = 0
        self._producer = Producer({**settings.producer(), "linger.ms": 5})

    async def sent(self, partitions: Collection[int]) -> Mapping[int, int]:
        """How far each partition of `clicks.raw` is sent: as far as is committed, if anything is.

        Raises `KafkaException`, and `NoTopic` where there is none to send to.
        """
        return await asyncio.to_thread(self._committed, partitions)

    async def send(self, clicks: Iterable[EnrichedClick]) -> None:
        """Returns when Kafka has all of them. Raises `NotPublished`, and `KafkaException` for what no retry mends."""
        await asyncio.to_thread(self._send, clicks)

    def _committed(self, partitions: Collection[int]) -> Mapping[int, int]:
        consumer = Consumer({**self._settings.librdkafka(), "group.id": self._group, "enable.auto.commit": False})
        try:
            found = consumer.list_topics(timeout=SECONDS).topics.get(self._topic)
            if found is None and self._settings.kafka_mock is None:
                raise NoTopic(f"WEIR_ENRICHED is set, and Kafka has no topic {self._topic}: `weir topics` makes it.")
            self._partitions = len(found.partitions) if found else 0
            topic = self._settings.topic(CLICKS_RAW.name)
            places = consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=SECONDS)
        finally:
            consumer.close()
        for place in places:
            if place.error is not None:
                raise KafkaException(place.error)
        return {place.partition: place.offset for place in places if place.offset >= 0}

    def _send(self, clicks: Iterable[EnrichedClick]) -> None:
        delivery = Delivery(self._producer)
        for click in clicks:
            delivery.expect()
            self._produce(click, delivery)
        delivery.wait()
        metrics.PUBLISHED.inc(delivery.arrived)

    def _produce(self, click: EnrichedClick, delivery: "Delivery") -> None:
        key = key_of(click.message_id, click.recipient_id, click.network, click.domain)
        partition = click.kafka_partition % self._partitions if self._partitions else -1  # -1: Kafka's own choice
        while True:
            try:
                self._producer.produce(self._topic, encode(click), key, partition, on_delivery=delivery)
            except BufferError:
                delivery.poll()
            except KafkaException as refused:
                delivery(refused.args[0])
                return
            else:
                return


class Delivery:
    """What has become of records that were sent together; called with each one's fate, in whatever thread polls."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self.arrived = 0
        self._left = 0
        self._error: KafkaError | None = None
        self._last = time.monotonic()

    def expect(self) -> None:
        """One more is sent."""
        self._left += 1

    def __call__(self, error: KafkaError | None, message: Message | None = None) -> None:  # noqa: ARG002
        """One has arrived, or never will. What is too large is left out: its row stands, and a retry mends nothing."""
        self._left -= 1
        self._last = time.monotonic()
        if error is None:
            self.arrived += 1
        elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            metrics.UNPUBLISHED.inc()
            log.error("an enriched click is too large for its topic", cause="size", error=error.str())
        else:
            self._error = self._error or error

    def poll(self) -> None:
        """Wait a little for what arrives. Raises `KafkaException` where one can't, `NotPublished` where none does."""
        self._producer.poll(0.05)
        if self._error is not None:
            raise KafkaException(self._error)
        if time.monotonic() - self._last > SECONDS:
            raise NotPublished(f"Kafka has taken nothing of {CLICKS_ENRICHED.name} for {SECONDS:.0f} s")

    def wait(self) -> None:
        """Wait until all have arrived; raises as `poll`."""
        while self._left or self._error:
            self.poll()


class Publication:
    """Sends what is stored of one partition, in order: first what lies before, then what is stored from now on."""

    def __init__(
        self,
        partition: Partition,
        publisher: Publisher,
        ledger: Ledger,
        patience: Patience,
        done: Callable[[int], None],
    ) -> None:
        self._partition, self._publisher, self._ledger = partition, publisher, ledger
        self._patience, self._done = patience, done
        self._sent = self._stored = 0

    def open(self, sent: int, stored: int) -> None:
        """Sending goes on at `sent`; below `stored` there are rows already."""
        self._sent, self._stored = min(sent, stored), stored

    async def follow(self, rows: Columns) -> None:
        """Send rows that were stored just now; while there are earlier ones to be sent, `catch_up` will read them."""
        first, end = int(rows["kafka_offset"][0]), int(rows["kafka_offset"][-1]) + 1
        self._stored = max(self._stored, end)
        if first <= self._sent < end:
            with metrics.STEP_SECONDS.labels(PUBLISH).time():
                await self._publisher.send(enriched_clicks(_requests(rows)))
            self._arrived(end)

    async def catch_up(self) -> None:
        """Send the rows between what was sent and what is stored, as ClickHouse has them."""
        if self._sent < self._stored:
            log.info("publishing rows again", partition=self._partition.number, first=self._sent, end=self._stored)
        while self._sent < self._stored:
            end = min(self._sent + READ_BACK, self._stored)
            parameters: dict[str, Any] = {**self._partition.parameters, "first": self._sent, "end": end}
            found = await self._patience(lambda parameters=parameters: self._ledger.read("enriched", parameters))  # type: ignore[misc]
            await self._publisher.send(EnrichedClick(*row) for row in found)
            self._arrived(end)

    def _arrived(self, end: int) -> None:
        self._sent = end
        self._done(end)


def _requests(rows: Columns) -> Columns:
    """Those of the rows that are sent."""
    kinds = coded(rows["kind"])
    wanted = np.array([kind in SENT for kind in kinds.values], np.bool_)[kinds.codes]
    return rows if wanted.all() else picked(rows, np.flatnonzero(wanted).tolist())
