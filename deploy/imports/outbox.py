"""Clicks of an import → the topic `clicks.raw`; nothing counts as sent before Kafka has acknowledged it."""

import time

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingest.events import RawClick, encode, partition_key
from ingest.kafka import CLICKS_PARTITIONER, CLICKS_RAW, KafkaSettings

DELIVERY_SECONDS = 120
"""How long Kafka may take to acknowledge a click before the import gives up."""
CONNECT_SECONDS = 10.0


class Undelivered(RuntimeError):
    """Kafka does not take clicks; those that it took are counted once, also when the file is imported again."""


class Outbox:
    """An idempotent producer that waits when its queue is full."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Raises `Undelivered` where Kafka can't be reached or has no such topic."""
        self._topic = settings.topic(CLICKS_RAW.name)
        self._settings = settings
        self._failure = ""
        self.acknowledged = 0
        self._producer = Producer(
            {
                **settings.producer(),
                "partitioner": CLICKS_PARTITIONER,
                "linger.ms": 50,
                "message.timeout.ms": DELIVERY_SECONDS * 1000,
            }
        )
        self._check()

    def put(self, click: RawClick) -> None:
        """Send a click, waiting while the queue is full; raises `Undelivered`."""
        value, key = encode(click), partition_key(click)
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise Undelivered(f"Kafka at {self._settings.kafka}: {error.args[0].str()}") from error
            else:
                return
            self._raise_failure()

    def poll(self) -> None:
        """Take in the acknowledgements that have come; raises `Undelivered`."""
        self._producer.poll(0)
        self._raise_failure()

    def flush(self) -> None:
        """Wait until Kafka has acknowledged every click; raises `Undelivered`."""
        until = time.monotonic() + DELIVERY_SECONDS + 1
        while left := self._producer.flush(1.0):
            self._raise_failure()
            if time.monotonic() > until:
                raise Undelivered(f"Kafka at {self._settings.kafka} has not acknowledged {left:,} clicks")
        self._raise_failure()

    def _check(self) -> None:
        try:
            topics = self._producer.list_topics(timeout=CONNECT_SECONDS).topics
        except KafkaException as error:
            raise Undelivered(
                f"Kafka at {self._settings.kafka} (WEIR_KAFKA) does not answer: {error.args[0].str()}"
            ) from error
        if self._topic not in topics and self._settings.kafka_mock is None:
            raise Undelivered(f"Kafka at {self._settings.kafka} has no topic {self._topic}; `weir topics` makes it.")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.acknowledged += 1
        elif not self._failure:
            self._failure = error.str()

    def _raise_failure(self) -> None:
        if self._failure:
            raise Undelivered(f"Kafka at {self._settings.kafka} did not take a click: {self._failure}")
