"""Following a topic: from its beginning, its end or a bookmark, then record by record as they come.

Every process reads all partitions for itself, without a consumer group: each needs the whole topic, and what it wants
to remember between starts is its own affair (`Bookmark`). Delivery: the records of a partition in order, each once in
the life of a follower.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Literal, Protocol

import structlog
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from ingest.kafka import KafkaSettings, Topic

POLL_SECONDS = 0.2
METADATA_SECONDS = 0.5
FETCH_WAIT_MS = 200
"""How long Kafka holds back its answer where nothing is new. What else it is asked on that connection waits for as
long, so this is well below `METADATA_SECONDS`."""

RETRY_SECONDS = 1.0
"""How long to wait for a topic that is not there, or a broker that does not answer."""

PARTITIONS_SECONDS = 30.0
"""How often to look for partitions that were added."""

BATCH = 1000
AHEAD_KB = 8 * 1024
"""How much of a long topic may lie in memory before it is read: librdkafka's own 64 MiB would stay with the process."""

Read = Callable[[bytes, bytes | None], None]
"""Takes the key and the value (None: a tombstone) of a record, in order; raises `ValueError` where it is none."""

Start = Literal["beginning", "end"]

log = structlog.get_logger(__name__)


class Bookmark(Protocol):
    """Where a follower was when the process ended. All of it is called in the follower's thread."""

    def open(self) -> None:
        """Called first, before Kafka is asked."""

    def resume(self) -> Mapping[int, int]:
        """Partition → the offset to read on from; none: from the beginning. Called once, when Kafka has the topic.

        Raises `KafkaException` where Kafka has gone again; then it is called again later.
        """

    def keep(self, positions: Mapping[int, int], current_at: int) -> None:
        """Called again and again: everything before `positions` (partition → next offset) has been read.

        What the topic had at `current_at` (Unix milliseconds; 0: not known yet) lies before them.
        """

    def close(self) -> None:
        """Called last."""


class Follower:
    """A thread that follows one topic. A record that can't be read is counted and logged, and never stops it."""

    def __init__(
        self,
        settings: KafkaSettings,
        topic: Topic,
        read: Read,
        start: Start = "beginning",
        bookmark: Bookmark | None = None,
    ) -> None:
        self.topic = topic
        self.bad_records = 0
        """Records that `read` has refused."""
        self._settings = settings
        self._name = settings.topic(topic.name)
        self._read = read
        self._from_end = start == "end"
        self._bookmark = bookmark
        self._partitions: set[int] = set()
        self._unread: set[int] = set()
        self._positions: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        """What were the partitions' ends at `_ends_at`; empty once they have been reached."""
        self._ends_at = self._current_at = 0
        self._heard_at = time.monotonic()
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

    @property
    def silent_seconds(self) -> float:
        """How long Kafka has said nothing of the topic; it is asked every half minute, and every second at first."""
        return time.monotonic() - self._heard_at

    def _run(self) -> None:
        consumer = Consumer(self._configuration())
        next_look = 0.0
        try:
            if self._bookmark is not None:
                self._bookmark.open()
            self._heard_at = time.monotonic()
            while not self._stopping.is_set():
                if time.monotonic() >= next_look:
                    next_look = time.monotonic() + self._look(consumer)
                first = consumer.poll(POLL_SECONDS)
                if first is not None:
                    self._take((first, *consumer.consume(BATCH, timeout=0)))
                if self._bookmark is not None:
                    self._bookmark.keep(self._positions, self._reached())
        finally:
            consumer.close()
            if self._bookmark is not None:
                self._bookmark.close()

    def _configuration(self) -> dict[str, Any]:
        return self._settings.librdkafka() | {
            "group.id": "weir-followers",  # librdkafka wants one; it is never joined and nothing is committed to it
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": FETCH_WAIT_MS,
            "queued.max.messages.kbytes": AHEAD_KB,
            "allow.auto.create.topics": self._settings.kafka_mock is not None,
            # Only where the offset is gone, because the topic was made anew.
            "auto.offset.reset": "latest" if self._from_end else "earliest",
            "error_cb": self._complain,
        }

    def _look(self, consumer: Consumer) -> float:
        """Take up the partitions that are not read yet, and see where they end; the seconds until the next look."""
        try:
            found = consumer.list_topics(self._name, timeout=METADATA_SECONDS).topics[self._name]
            if found.error is not None or not found.partitions:
                log.error(f"The topic {self._name} is not there; `weir topics` makes it", cause=str(found.error))
                return RETRY_SECONDS
            self._heard_at = time.monotonic()
            if added := found.partitions.keys() - self._partitions:
                self._assign(consumer, added)
            if self._bookmark is not None:
                self._find_ends(consumer)
        except KafkaException:
            return RETRY_SECONDS  # `_complain` is told why
        return PARTITIONS_SECONDS

    def _assign(self, consumer: Consumer, added: AbstractSet[int]) -> None:
        # Only what is there at the start may be skipped: a partition that is added later is read as a whole.
        at_start = not self._partitions
        begin = OFFSET_END if self._from_end and at_start else OFFSET_BEGINNING
        known = self._bookmark.resume() if self._bookmark is not None and at_start else {}
        # Unread before known: a reader of `is_caught_up` must not find a partition that counts as read.
        self._unread |= added
        self._partitions |= added
        self._positions |= known
        consumer.incremental_assign([TopicPartition(self._name, number, known.get(number, begin)) for number in added])

    def _find_ends(self, consumer: Consumer) -> None:
        now = time.time_ns() // 1_000_000
        asked = [TopicPartition(self._name, number, OFFSET_END) for number in self._partitions]
        found = consumer.offsets_for_times(asked, timeout=METADATA_SECONDS)
        if failed := next((place.error for place in found if place.error is not None), None):
            raise KafkaException(failed)
        self._ends, self._ends_at = {place.partition: place.offset for place in found}, now

    def _reached(self) -> int:
        """The last time, in Unix milliseconds, of which is known that all that the topic had then has been read."""
        if self._ends and all(self._positions.get(number, -1) >= end for number, end in self._ends.items()):
            self._current_at, self._ends = self._ends_at, {}
        return self._current_at

    def _take(self, messages: Iterable[Message]) -> None:
        now = time.monotonic()
        for message in messages:
            error = message.error()
            if error is None:
                self._heard_at = now
                self._take_record(message)
                self._move(message, by=1)
            elif error.code() == KafkaError._PARTITION_EOF:
                # The end may lie behind the last record: compaction leaves holes.
                self._move(message, by=0)
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

    def _move(self, message: Message, *, by: int) -> None:
        partition, offset = message.partition(), message.offset()
        if partition is not None and offset is not None:
            self._positions[partition] = offset + by

    def _complain(self, error: KafkaError) -> None:
        log.warning("Kafka", cause=error.name(), error=error.str())
