"""A thread that follows a topic from its beginning or from its end, outside of any consumer group.

Delivery: every record of a partition in order, at least once in the life of the follower; nothing is committed.
"""

import threading
from collections.abc import Callable
from typing import Literal

import structlog
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from ingest.kafka import KafkaSettings

log = structlog.get_logger()
POLL_SECONDS = 0.2
RETRY_SECONDS = 1.0
BATCH = 1000

Start = Literal["beginning", "end"]
OnRecord = Callable[[bytes, bytes | None], None]


class Follower:
    """Calls `on_record(key, value)` in its own thread, once for each record; a value of None is a tombstone."""

    def __init__(self, settings: KafkaSettings, topic: str, start: Start, on_record: OnRecord) -> None:
        self.topic = settings.topic(topic)
        self._settings = settings
        self._start: Start = start
        self._on_record = on_record
        self._caught_up = threading.Event()
        self._stopping = threading.Event()
        self._behind: set[int] = set()
        self._thread = threading.Thread(target=self._run, name=f"follow-{topic}", daemon=True)

    @property
    def is_caught_up(self) -> bool:
        """Whether all partitions have been read to their ends once, and are still being followed."""
        return self._caught_up.is_set() and self._thread.is_alive()

    def start(self) -> None:
        """Begin to read; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading, and wait until the connection is closed."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        consumer = Consumer(self._config())
        try:
            partitions = self._partitions(consumer)
            self._behind = set(partitions)
            offset = OFFSET_BEGINNING if self._start == "beginning" else OFFSET_END
            consumer.assign([TopicPartition(self.topic, partition, offset) for partition in partitions])
            while not self._stopping.is_set():
                self._read(consumer)
        finally:
            consumer.close()

    def _config(self) -> dict[str, str | int | float | bool]:
        return {
            **self._settings.librdkafka(),
            "group.id": "weir-followers",  # librdkafka wants one; it is never joined and nothing is committed to it
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # Only where the offset is gone, because the topic was made anew.
            "auto.offset.reset": "earliest" if self._start == "beginning" else "latest",
        }

    def _partitions(self, consumer: Consumer) -> list[int]:
        """The topic's partitions; waits for Kafka and for the topic as long as it takes."""
        while not self._stopping.is_set():
            try:
                topic = consumer.list_topics(self.topic, timeout=5).topics[self.topic]
                if not topic.error and topic.partitions:
                    return sorted(topic.partitions)
                log.warning("topic_missing", topic=self.topic)
            except KafkaException as error:
                log.warning("kafka_away", topic=self.topic, error=str(error))
            self._stopping.wait(RETRY_SECONDS)
        return []

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
            self._behind.discard(message.partition())
            if not self._behind:
                self._caught_up.set()
        else:
            log.warning("follow_error", topic=self.topic, error=str(error))
