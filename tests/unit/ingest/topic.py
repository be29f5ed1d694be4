"""The topic `links` on a mock cluster, for tests of those who follow it."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer

from ingest.kafka import LINKS, KafkaSettings

WAIT_SECONDS = 10.0
NO_BROKER = "127.0.0.1:1"


def wait(is_so: Callable[[], bool]) -> None:
    """Wait until it is so; fails where it does not come to pass."""
    limit = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < limit, "it did not come to pass"
        time.sleep(0.01)


class LinksTopic:
    """The topic, and the settings of those who follow it."""

    def __init__(self, broker: str) -> None:
        self.settings = KafkaSettings(kafka=broker, kafka_mock=uuid4())
        options: dict[str, Any] = {"allow.auto.create.topics": True}
        self._producer = Producer(self.settings.librdkafka() | options)

    def write(self, key: bytes, *values: bytes | None, partition: int = -1) -> None:
        """Append records, and see them delivered."""
        for value in values:
            self._producer.produce(LINKS.name, value, key, partition=partition)
        assert self._producer.flush(WAIT_SECONDS) == 0
