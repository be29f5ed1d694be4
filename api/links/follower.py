"""A thread that follows a topic from its beginning or from its end, outside of any consumer group.

Delivery: every record of a partition in order, at least once in the life of the follower; nothing is committed.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Literal

import structlog
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from ingest.kafka import KafkaSettings

log = structlog.get_logger(__name__)
POLL_SECONDS = 0.2
RETRY_SECONDS = 1.0
LOOK_SECONDS = 30.0
"""How often to look for partitions that were added."""
METADATA_SECONDS = 0.5
BATCH = 1000

Start = Literal["beginning", "end"]
OnRecord = Callable[[bytes, bytes | None], None]


class Follower:
    """Calls `on_record(key, value)` in its own thread, once for each record; a value of None is a tombstone."""

    def __init__(self, settings: KafkaSettings, topic: str, start: Start, on_record: OnRecord) -> None:
        self.topic = settings.topic(topic)
        self._settings = settings
        self._from_end = start == "end"
        self._on_record = on_record
        self._partitions: set[int] = set()
        self._behind: set[int] = set()
        self._complained: set[int] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow-{topic}", daemon=True)

    @property
    def is_caught_up(self) -> bool:
        """Whether all partitions have been read to their ends once, and are still being followed."""
        return bool(self._partitions) and not self._behind and self._thread.is_alive()

    def start(self) -> None:
        """Begin to read; returns at once."""
        self._thread.start()

    def tell_to_stop(self) -> None:
        """Stop reading, without a wait."""
        self._stopping.set()

    def stop(self) -> None:
        """Stop reading, and wait until the connection is closed."""
        self.tell_to_stop()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        consumer = Consumer(self._config())
        next_look = 0.0
        try:
            while not self._stopping.is_set():
                if time.monotonic() >= next_look:
                    next_look = time.monotonic() + self._assign_new(consumer)
                self._read(consumer)
        finally:
            consumer.close()

    def _config(self) -> dict[str, Any]:
        return {
            **self._settings.librdkafka(),
            "group.id": "weir-followers",  # librdkafka wants one; it is never joined and nothing is committed to it
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "allow.auto.create.topics": self._settings.kafka_mock is not None,
            # Only where the offset is gone, because the topic was made anew.
            "auto.offset.reset": "latest" if self._from_end else "earliest",
            "log_level": 2,  # what is wrong comes through error_cb, into our own log
            "error_cb": self._complain,
        }

    def _assign_new(self, consumer: Consumer) -> float:
        """Take up the partitions that are not followed yet; returns the seconds until the next look."""
        try:
            found = consumer.list_topics(self.topic, timeout=METADATA_SECONDS).topics[self.topic]
        except KafkaException:
            return RETRY_SECONDS  # error_cb has told why
        if found.error is not None or not found.partitions:
            log.warning("topic_missing", topic=self.topic, mend="`weir topics` makes it")
            return RETRY_SECONDS
        self._complained.clear()
        if added := found.partitions.keys() - self._partitions:
            # Only what is there at the start may be skipped: a partition that is added later is read as a whole.
            offset = OFFSET_END if self._from_end and not self._partitions else OFFSET_BEGINNING
            self._behind |= added
            self._partitions |= added
            consumer.incremental_assign([TopicPartition(self.topic, number, offset) for number in added])
        return LOOK_SECONDS

    def _read(self, consumer: Consumer) -> None:
        first = consumer.poll(POLL_SECONDS)
        if first is None:
            return
        for message in (first, *consumer.consume(BATCH, timeout=0)):
            self._take(message)

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is None:
            self._on_record(message.key() or b"", message.value())
        elif error.code() == KafkaError._PARTITION_EOF:
            self._behind.discard(message.partition() or 0)
        else:
            self._complain(error)

    def _complain(self, error: KafkaError) -> None:
        """Once for each kind of trouble, until Kafka answers again: librdkafka tries several times a second."""
        if error.code() not in self._complained:
            self._complained.add(error.code())
            log.warning("kafka_error", topic=self.topic, error=error.str())
