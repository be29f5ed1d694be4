"""Kafka's log and what it remembers of us."""

import time

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy import topics
from ingest.kafka import CLICKS_RAW, watermarks
from tests.faults.rows.processes import EXIT_SECONDS
from tests.faults.stage import Missed, Stage

GONE_SECONDS = 20.0


def offsets_set(stage: Stage) -> None:
    """While the workers are away, somebody sets the group's committed offsets: to 0, far back, or ahead.

    They are only a hint; reading starts where the ledger ends.
    """
    for worker in stage.crew.services:
        if worker.stop(EXIT_SECONDS) is None:
            raise Missed(f"{worker.name} had not ended {EXIT_SECONDS:.0f} s after SIGTERM")
    stage.sleep(0.5, 2.0)
    offsets = {number: _offset(stage, number, *marks) for number, marks in watermarks(stage.kafka, CLICKS_RAW).items()}
    _set(stage, offsets)
    stage.note(f"committed offsets set to {list(offsets.values())}")
    for worker in stage.crew.services:
        worker.start()
    stage.wait_ready()


def _offset(stage: Stage, partition: int, first: int, end: int) -> int:
    if stage.case == "ahead":
        return end
    committed = stage.commits.committed().get(partition, first)
    return first if stage.case == "to 0" else stage.random.randint(first, committed)


def _set(stage: Stage, offsets: dict[int, int]) -> None:
    topic = stage.kafka.topic(CLICKS_RAW.name)
    places = [TopicPartition(topic, number, offset) for number, offset in offsets.items()]
    admin = AdminClient(stage.kafka.librdkafka())
    admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(stage.group, places)])[stage.group].result(20)


def topic_made_again(stage: Stage) -> None:
    """`clicks.raw` is deleted and made again, while the worker runs or while it is away; redirectors start anew.

    The new topic has another id, so its offsets from 0 on are a ledger of their own: none of them is taken for one of
    the old topic's, and none of the old rows counts again.
    """
    stage.driver.pause()
    stage.stream.renew()
    stage.wait_counted()
    if stage.case == "worker away":
        stage.worker.stop(EXIT_SECONDS)
    admin = AdminClient(stage.kafka.librdkafka())
    name = stage.kafka.topic(CLICKS_RAW.name)
    admin.delete_topics([name])[name].result(20)
    stage.wait(lambda: name not in admin.list_topics(timeout=10).topics, GONE_SECONDS, "the topic is still there")
    stage.note("topic deleted")
    if stage.case == "a while later":
        stage.sleep(2.0, 6.0)
    _make(stage)
    stage.note("and made again")
    if stage.case == "worker away":
        stage.worker.start()
    stage.driver.resume()
    time.sleep(3)


def _make(stage: Stage) -> None:
    def made() -> bool:
        try:
            topics.ensure(stage.kafka)
        except KafkaException:
            return False  # Kafka is still deleting
        return True

    stage.wait(made, GONE_SECONDS, "the topic could not be made again")
