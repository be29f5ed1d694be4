"""Links that are followed: from the local snapshot and the topic `links` into the store, and into the snapshot again.

A start reads the snapshot and follows the topic from its positions; without one, or where it can't be gone by, it
reads the topic from its beginning. A snapshot can't be gone by where the topic is another one, where its positions lie
outside of the log, or where it is older than the topic keeps tombstones: a link deleted since would be in it for ever.
While Kafka is away there is nothing better, so it is served whatever it is, and judged when Kafka is back.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import structlog
from confluent_kafka import KafkaError, KafkaException

from ingest.follow import Follower
from ingest.kafka import DAY_MS, LINKS, KafkaSettings, topic_id, topic_option, watermarks
from ingest.linkstore.snapshot import Snapshot
from ingest.linkstore.store import LinkStore

KAFKA_WAIT_SECONDS = 3.0
"""How long Kafka may be silent before the links are served as the snapshot has them."""

ANSWER_SECONDS = 5.0
"""How long Kafka may take to answer a question about the topic."""

TRUSTED_SHARE = 0.9
"""Of the time that tombstones are kept: the rest is for reading on, and for clocks that differ."""

log = structlog.get_logger(__name__)


class LiveLinks:
    """Keeps `store` as the topic is. `folder` is this process's own, for the snapshot; None: there is none."""

    def __init__(self, settings: KafkaSettings, store: LinkStore, folder: Path | None = None) -> None:
        self._settings = settings
        self._store = store
        self._snapshot = Snapshot(folder, store) if folder is not None else None
        self._follower = Follower(settings, LINKS, self._read, bookmark=self)
        self._topic_id = UUID(int=0)
        self._loaded = False
        self._ready = False
        self.current_at = 0
        """Unix milliseconds: the links are known to be those of this time, or newer. 0: it is not known yet."""

    @property
    def is_ready(self) -> bool:
        """Whether all links are there: those of the topic, or the snapshot's while Kafka is away."""
        return self._ready and self._follower.is_alive

    @property
    def is_alive(self) -> bool:
        """Whether the topic is still followed."""
        return self._follower.is_alive

    @property
    def bad_records(self) -> int:
        """Records of the topic that could not be read."""
        return self._follower.bad_records

    @property
    def snapshot_fails(self) -> bool:
        """Whether the disk refuses the snapshot."""
        return self._snapshot is not None and self._snapshot.fails

    def start(self) -> None:
        """Begin to read; returns at once."""
        self._follower.start()

    def stop(self) -> None:
        """Stop reading, and wait a little until the connection is closed."""
        self._follower.stop()

    def open(self) -> None:
        """In the follower's thread: read the snapshot."""
        if self._snapshot is not None and self._snapshot.load():
            self._loaded = True
            self.current_at = self._snapshot.current_at

    def resume(self) -> Mapping[int, int]:
        """In the follower's thread: the snapshot's positions, where it can be gone by. Raises `KafkaException`."""
        if self._snapshot is None:
            return {}
        self._topic_id = topic_id(self._settings, LINKS, timeout=ANSWER_SECONDS)
        if not self._loaded:
            return {}
        if not (reason := self._doubt(self._snapshot)):
            return self._snapshot.positions
        log.warning("The local snapshot of the links is thrown away, the topic is read anew", reason=reason)
        self._snapshot.abandon()
        self._store.start_over(serve_on=self._ready)
        self._loaded, self.current_at = False, 0
        return {}

    def keep(self, positions: Mapping[int, int], current_at: int) -> None:
        """In the follower's thread: write the snapshot on, and see whether all links are there."""
        self.current_at = current_at or self.current_at
        whole = self._follower.is_caught_up
        if whole:
            self._store.settle()
        if not self._ready and (whole or (self._loaded and self._follower.silent_seconds > KAFKA_WAIT_SECONDS)):
            self._ready = True
            log.info("All links are there", links=len(self._store), from_kafka=whole)
        if self._snapshot is not None:
            self._snapshot.keep(self._topic_id, positions, current_at, whole=whole and current_at > 0)

    def close(self) -> None:
        """In the follower's thread: the end."""
        if self._snapshot is not None:
            self._snapshot.abandon()

    def _read(self, key: bytes, value: bytes | None) -> None:
        name, packed = self._store.read(key, value)
        if self._snapshot is not None:
            self._snapshot.put(name, packed)

    def _doubt(self, snapshot: Snapshot) -> str:
        """Why the snapshot can't be gone by; empty where it can."""
        if snapshot.topic_id != self._topic_id:
            return "the topic is another one"
        age_ms = time.time_ns() // 1_000_000 - snapshot.current_at
        if age_ms > _tombstones_kept_ms(self._settings) * TRUSTED_SHARE:
            return f"it is {age_ms // 1000} s old, and deletions are not kept for so long"
        ends = watermarks(self._settings, LINKS, timeout=ANSWER_SECONDS)
        if all(
            low <= offset <= high
            for number, offset in snapshot.positions.items()
            for low, high in [ends.get(number, (1, 0))]
        ):
            return ""
        return "its positions lie outside of the log"


def _tombstones_kept_ms(settings: KafkaSettings) -> int:
    try:
        return int(topic_option(settings, LINKS, "delete.retention.ms", timeout=ANSWER_SECONDS))
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise
        log.warning("Kafka tells no options of the topic `links`: allow the redirector DescribeConfigs on it")
        return DAY_MS  # what Kafka does unless told otherwise
