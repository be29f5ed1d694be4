"""The local Kafka: its data outlives it, and what it can't have it names."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy import preflight, topics
from deploy.broker import LocalKafka
from ingest.kafka import CLICKS_RAW, LINK_REPLIES, LINKS, SALTS, TOPICS, KafkaSettings

pytestmark = pytest.mark.kafka


@pytest.fixture
def broker(kafka_server: LocalKafka, tmp_path: Path) -> Iterator[LocalKafka]:
    """A broker of this test's own, stopped; the shared one is asked for only since it skips where there is no Java."""
    own = LocalKafka(tmp_path / "kafka")
    yield own
    own.stop()


def produce(bootstrap: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, value, partition=0)
    assert producer.flush(10) == 0


def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [message.value() for message in consumer.consume(count, timeout=15)]
    finally:
        consumer.close()


def test_data_survives_a_stop_and_a_kill(broker: LocalKafka) -> None:
    broker.start()
    topics.ensure(KafkaSettings(kafka=broker.bootstrap))
    produce(broker.bootstrap, "clicks.raw", b"one")
    broker.stop()

    started = time.monotonic()
    broker.start()
    assert time.monotonic() - started < 30
    produce(broker.bootstrap, "clicks.raw", b"two")
    assert broker.process is not None
    os.kill(broker.process.pid, signal.SIGKILL)
    broker.stop()

    broker.start()
    assert read(broker.bootstrap, "clicks.raw", 2) == [b"one", b"two"]


def test_stop_leaves_no_process(broker: LocalKafka) -> None:
    broker.start()
    assert broker.process is not None
    pid = broker.process.pid
    broker.stop()
    assert not psutil.pid_exists(pid)


def test_a_taken_port_is_named_before_anything_starts(broker: LocalKafka) -> None:
    with socket.create_server((preflight.HOST, 0)) as other:
        broker.port = other.getsockname()[1]
        with pytest.raises(preflight.Missing, match=f"Port {broker.port} for Kafka is taken"):
            broker.start()


def test_topics_are_made_as_they_are_needed(kafka: KafkaSettings) -> None:
    found = topics.ensure(kafka, make=False)
    assert [topic.state for topic in found] == [topics.State.RIGHT] * len(TOPICS)
    metadata = AdminClient(kafka.librdkafka()).list_topics(timeout=10).topics
    assert len(metadata[kafka.topic(SALTS.name)].partitions) == 1
    assert len(metadata[kafka.topic(CLICKS_RAW.name)].partitions) == kafka.kafka_partitions


def test_topics_with_wrong_settings_are_refused_by_name(kafka_server: LocalKafka) -> None:
    settings = KafkaSettings(kafka=kafka_server.bootstrap, kafka_prefix="wrong.")
    admin = AdminClient(settings.librdkafka())
    made = admin.create_topics(
        [
            NewTopic("wrong.links", 4, 1, config={"cleanup.policy": "delete"}),
            NewTopic("wrong.clicks.raw", 4, 1, config={"retention.ms": "1000"}),
            NewTopic("wrong.links.replies", 3, 1, config=dict(LINK_REPLIES.config)),
        ]
    )
    for future in made.values():
        future.result(10)

    found = {topic.topic: topic for topic in topics.ensure(settings)}

    assert {(p.setting, p.found) for p in found["wrong.links"].problems} >= {("cleanup.policy", "delete")}
    assert {(p.setting, p.found, p.wanted) for p in found["wrong.clicks.raw"].problems} == {
        ("retention.ms", "1000", CLICKS_RAW.config["retention.ms"]),
        ("message.timestamp.type", "CreateTime", "LogAppendTime"),
    }
    assert [(p.setting, p.found, p.wanted) for p in found["wrong.links.replies"].problems] == [("partitions", "3", "1")]
    assert found["wrong.salts"].state is topics.State.MADE
    mend = next(p.mend for p in found["wrong.links"].problems if p.setting == "cleanup.policy")
    assert "--entity-name wrong.links --add-config cleanup.policy=compact" in mend
    with pytest.raises(Exception, match=r"wrong\.clicks\.raw: retention\.ms is 1000, and has to be 604800000"):
        topics.refuse_wrong(found.values())


def test_check_makes_nothing(kafka_server: LocalKafka) -> None:
    settings = KafkaSettings(kafka=kafka_server.bootstrap, kafka_prefix="absent.")
    found = topics.ensure(settings, make=False)
    assert {topic.state for topic in found} == {topics.State.MISSING}
    assert not [name for name in AdminClient(settings.librdkafka()).list_topics(timeout=10).topics if "absent" in name]


def test_links_keep_their_tombstones_for_a_week(kafka: KafkaSettings) -> None:
    assert topics.fits(LINKS, "delete.retention.ms", "-1")
