"""Following a topic: from its beginning or from its end, then record by record as they come.

Every process reads all partitions for itself, without a consumer group: each needs the whole topic, and nothing has to
be remembered between starts. Delivery: the records of a partition in order, each once in the life of a follower.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

import structlog
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from ingest.kafka import KafkaSettings, Topic

POLL_SECONDS = 0.2
METADATA_SECONDS = 0.5
RETRY_SECONDS = 1.0
"""How long to wait for a topic that is not there, or a broker that does not answer."""

PARTITIONS_SECONDS = 30.0
"""How often to look for partitions that were added."""

BATCH = 1000

Read = Callable[[bytes, bytes | None], None]
"""Takes the key and the value (None: a tombstone) of a record, in order; raises `ValueError` where it is none."""

Start = Literal["beginning", "end"]

log = structlog.get_logger(__name__)


class Follower:
    """A thread that follows one topic. A record that can't be read is counted and logged, and never stops it."""

    def __init__(self, settings: KafkaSettings, topic: Topic, read: Read, start: Start = "beginning") -> None:
        self.topic = topic
        self.bad_records = 0
        """Records that `read` has refused."""
        self._settings = settings
        self._name = settings.topic(topic.name)
        self._read = read
        self._from_end = start == "end"
        self._partitions: set[int] = set()
        self._unread: set[int] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow {topic.name}", daemon=True)

    def start(self) -> None:
        """Begin to read; returns at once."""
        self._thread.start()

    def tell_to_stop(self) -> None:
        """Stop reading, without a wait."""
        self._stopping.set()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop reading, and wait at most `timeout` seconds until the connection is closed."""
        self.tell_to_stop()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def is_caught_up(self) -> bool:
        """Whether every partition has been read to what was its end, and is still being followed."""
        return bool(self._partitions) and not self._unread and self.is_alive

    @property
    def is_alive(self) -> bool:
        """Whether it reads on."""
        return self._thread.is_alive()

    def _run(self) -> None:
        consumer = Consumer(self._configuration())
        next_look = 0.0
        try:
            while not self._stopping.is_set():
                if time.monotonic() >= next_look:
                    next_look = time.monotonic() + self._assign_new(consumer)
                first = consumer.poll(POLL_SECONDS)
                if first is not None:
                    self._take((first, *consumer.consume(BATCH, timeout=0)))
        finally:
            consumer.close()

    def _configuration(self) -> dict[str, Any]:
        return self._settings.librdkafka() | {
            "group.id": "weir-followers",  # librdkafka wants one; it is never joined and nothing is committed to it
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "allow.auto.create.topics": self._settings.kafka_mock is not None,
            # Only where the offset is gone, because the topic was made anew.
            "auto.offset.reset": "latest" if self._from_end else "earliest",
            "error_cb": self._complain,
        }

    def _assign_new(self, consumer: Consumer) -> float:
        """Take up the partitions that are not read yet; the seconds until the next look."""
        try:
            found = consumer.list_topics(self._name, timeout=METADATA_SECONDS).topics[self._name]
        except KafkaException:
            return RETRY_SECONDS  # `_complain` is told why
        if found.error is not None or not found.partitions:
            log.error(f"The topic {self._name} is not there; `weir topics` makes it", cause=str(found.error))
            return RETRY_SECONDS
        added = found.partitions.keys() - self._partitions
        if added:
            # Only what is there at the start may be skipped: a partition that is added later is read as a whole.
            offset = OFFSET_END if self._from_end and not self._partitions else OFFSET_BEGINNING
            # Unread before known: a reader of `is_caught_up` must not find a partition that counts as read.
            self._unread |= added
            self._partitions |= added
            consumer.incremental_assign([TopicPartition(self._name, number, offset) for number in added])
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
            self.bad_records += 1
            log.warning(
                "A record can't be read, and is passed over",
                topic=self._name,
                partition=message.partition(),
                offset=message.offset(),
                error=str(error),
            )

    def _complain(self, error: KafkaError) -> None:
        log.warning("Kafka", cause=error.name(), error=error.str())
