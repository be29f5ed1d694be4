"""What is watched all through a run: that no commit runs ahead of what is stored, and that memory stays bounded."""

import threading
from collections.abc import Mapping
from uuid import UUID

import httpx
from confluent_kafka import Consumer, KafkaException, TopicPartition

from ingest.kafka import CLICKS_RAW, KafkaSettings
from tests.faults.service import Crew
from warehouse.settings import WarehouseSettings

PERIOD_SECONDS = 0.5
PATIENCE_SECONDS = 3.0

ENDS = """
SELECT kafka_partition, max(kafka_offset) + 1 FROM events
WHERE topic_id = {topic_id:UUID} AND edition = 0 GROUP BY kafka_partition FORMAT TSV
"""


class Commits:
    """The group's committed offsets against the ends of what is stored."""

    def __init__(self, kafka: KafkaSettings, warehouse: WarehouseSettings, group: str) -> None:
        self._kafka, self._warehouse = kafka, warehouse
        self._topic = kafka.topic(CLICKS_RAW.name)
        self._consumer = Consumer({**kafka.librdkafka(), "group.id": group, "log_level": 0})

    def committed(self) -> Mapping[int, int]:
        """Partition → committed offset, where there is one. Raises `KafkaException`."""
        places = [TopicPartition(self._topic, number) for number in range(self._kafka.kafka_partitions)]
        found = self._consumer.committed(places, timeout=PATIENCE_SECONDS)
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def ends(self, topic_id: UUID) -> Mapping[int, int]:
        """Partition → the offset after the last stored one. Raises `httpx.HTTPError`."""
        answer = httpx.post(
            self._warehouse.clickhouse,
            params={"database": self._warehouse.clickhouse_database, "param_topic_id": str(topic_id)},
            content=ENDS,
            auth=(self._warehouse.clickhouse_user, self._warehouse.clickhouse_password.get_secret_value()),
            timeout=PATIENCE_SECONDS,
            verify=False,
        )
        answer.raise_for_status()
        return {int(number): int(end) for number, end in (line.split("\t") for line in answer.text.splitlines())}

    def log(self) -> Mapping[int, tuple[int, int]]:
        """Partition → the first offset that the log has, and the one after its last. Raises `KafkaException`."""
        places = [TopicPartition(self._topic, number) for number in range(self._kafka.kafka_partitions)]
        return {place.partition: self._consumer.get_watermark_offsets(place, PATIENCE_SECONDS) for place in places}

    def behind(self, topic_id: UUID, log: Mapping[int, tuple[int, int]]) -> Mapping[int, int]:
        """Partition → records of a log above the last stored one, if there are any. Raises as `ends`."""
        ends = self.ends(topic_id)
        return {number: max(end - ends.get(number, first), 0) for number, (first, end) in log.items()}

    def ahead(self, topic_id: UUID) -> Mapping[int, tuple[int, int]]:
        """Partitions whose commit is beyond what is stored: (committed, stored). What is stored is read last."""
        committed = self.committed()
        ends = self.ends(topic_id)
        return {
            number: (offset, ends.get(number, 0))
            for number, offset in committed.items()
            if offset > ends.get(number, 0)
        }

    def close(self) -> None:
        """Let the connection go."""
        self._consumer.close()


class Watcher:
    """Looks twice a second until it is stopped; what can't be looked at now is looked at later."""

    def __init__(self, commits: Commits, topic_id: UUID, workers: Crew, redirectors: Crew) -> None:
        self._commits, self._topic_id, self._workers, self._redirectors = commits, topic_id, workers, redirectors
        self.ahead: dict[int, tuple[int, int]] = {}
        """Partition → (committed, stored), the last time that a commit ran ahead."""
        self.most_bytes = 0
        """The most anonymous memory that one worker had."""
        self.most_bytes_at_edge = 0
        """The same of a redirector."""
        self.most_files = 0
        """The most descriptors that one of both held."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopping.wait(PERIOD_SECONDS):
            for worker in self._workers.services:
                self.most_bytes = max(self.most_bytes, worker.anonymous_bytes)
            for redirector in self._redirectors.services:
                self.most_bytes_at_edge = max(self.most_bytes_at_edge, redirector.anonymous_bytes)
            for service in (*self._workers.services, *self._redirectors.services):
                self.most_files = max(self.most_files, service.open_files)
            try:
                self.ahead.update(self._commits.ahead(self._topic_id))
            except (KafkaException, httpx.HTTPError):
                continue  # the fault hits us as well

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()
