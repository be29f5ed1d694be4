"""Following a topic: read from its beginning to its end, then record by record as they come.

Every process reads all partitions for itself, without a consumer group: each needs the whole topic, and nothing has to
be remembered between starts.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from ingest import metrics
from ingest.kafka import KafkaSettings, Topic

LOOK_AGAIN_SECONDS = 1.0
"""How long to wait for a topic that is not there, or a broker that does not answer."""

PARTITIONS_SECONDS = 30.0
"""How often to look for partitions that were added."""

BATCH = 1000

Read = Callable[[bytes, bytes | None], None]
"""Takes the key and the value (None: a tombstone) of a record, in order; raises `ValueError` where it is none."""

log = structlog.get_logger(__name__)


class Follower:
    """A thread that follows one topic. A record that can't be read is counted and logged, and never stops it."""

    def __init__(self, settings: KafkaSettings, topic: Topic, read: Read) -> None:
        self._settings = settings
        self._topic = settings.topic(topic.name)
        self._name = topic.name
        self._read = read
        self._stop = threading.Event()
        self._unread: set[int] = set()
        self._partitions: set[int] = set()
        self._thread = threading.Thread(target=self._run, name=f"follow {topic.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End, waiting at most `timeout` seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def caught_up(self) -> bool:
        """Whether every partition has been read to what was its end; stays so."""
        return bool(self._partitions) and not self._unread and self.alive

    @property
    def alive(self) -> bool:
        """Whether it reads on."""
        return self._thread.is_alive()

    def _run(self) -> None:
        consumer = Consumer(self._configuration())
        look = 0.0
        try:
            while not self._stop.is_set():
                if time.monotonic() >= look:
                    look = time.monotonic() + self._assign_new(consumer)
                first = consumer.poll(LOOK_AGAIN_SECONDS if self._partitions else 0)
                if first is not None:
                    self._take((first, *consumer.consume(BATCH, timeout=0)))
                elif not self._partitions:
                    self._stop.wait(LOOK_AGAIN_SECONDS)
        finally:
            consumer.close()

    def _configuration(self) -> dict[str, Any]:
        return self._settings.librdkafka() | {
            "group.id": "weir-nobody",  # asked for by the client, never used: nothing is committed
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "allow.auto.create.topics": self._settings.kafka_mock is not None,
            "log_level": 2,
            "error_cb": self._complain,
        }

    def _assign_new(self, consumer: Consumer) -> float:
        """Take up partitions that are not read yet, from their beginning; the seconds until the next look."""
        try:
            found = consumer.list_topics(self._topic, timeout=5).topics[self._topic]
        except KafkaException as error:
            log.warning("Kafka does not answer", topic=self._topic, error=str(error))
            return LOOK_AGAIN_SECONDS
        if found.error is not None or not found.partitions:
            log.error("The topic is not there; `weir topics` makes it", topic=self._topic, error=str(found.error))
            return LOOK_AGAIN_SECONDS
        added = found.partitions.keys() - self._partitions
        if added:
            # Unread before known: a reader of `caught_up` must not find a partition that counts as read.
            self._unread |= added
            self._partitions |= added
            consumer.incremental_assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in added])
        return PARTITIONS_SECONDS

    def _take(self, messages: Iterable[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is None:
                self._take_record(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._unread.discard(message.partition())
            else:
                self._complain(error)

    def _take_record(self, message: Message) -> None:
        try:
            self._read(message.key() or b"", message.value())
        except ValueError as error:
            metrics.BAD_RECORDS.counts[self._name,] += 1
            log.warning(
                "A record can't be read, and is passed over",
                topic=self._topic,
                partition=message.partition(),
                offset=message.offset(),
                error=str(error),
            )

    def _complain(self, error: KafkaError) -> None:
        log.warning("Kafka", topic=self._topic, error=error.str())
