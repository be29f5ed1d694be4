"""A links agent as small as can be: the pure rule of `ingest.links` between two topics, in a thread of the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from ingest.kafka import LINK_COMMANDS, LINKS, KafkaSettings
from ingest.links import Link, LinkCommand, Tombstone, decide, link_key
from ingest.links.decide import tombstone


@contextmanager
def links_agent(settings: KafkaSettings) -> Iterator[None]:
    """Answers commands for as long as the context lasts."""
    stopping = threading.Event()
    thread = threading.Thread(target=_answer, args=(settings, stopping))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _answer(settings: KafkaSettings, stopping: threading.Event) -> None:
    consumer = Consumer({**settings.librdkafka(), "group.id": "links-agent-of-a-test", "enable.auto.commit": False})
    producer = Producer({**settings.librdkafka(), "enable.idempotence": True, "linger.ms": 1})
    name = settings.topic(LINK_COMMANDS.name)
    partitions = consumer.list_topics(name, timeout=10).topics[name].partitions
    consumer.assign([TopicPartition(name, partition, OFFSET_BEGINNING) for partition in partitions])
    standing: dict[bytes, Link | Tombstone] = {}
    while not stopping.is_set():
        message = consumer.poll(0.05)
        if message is None or message.error():
            continue
        value = message.value()
        assert value is not None
        command = msgspec.json.decode(value, type=LinkCommand)
        key = link_key(command.domain, command.slug)
        current = standing.get(key)
        reply = decide(current, command)
        if reply.link is not None:
            standing[key] = reply.link
            producer.produce(settings.topic(LINKS.name), msgspec.json.encode(reply.link), key)
        elif reply.status == 204 and isinstance(current, Link):
            standing[key] = tombstone(current, command)
            producer.produce(settings.topic(LINKS.name), None, key)
        producer.produce(command.reply_to, msgspec.json.encode(reply), command.id.encode())
        producer.poll(0)
    producer.flush()
    consumer.close()
