"""librdkafka's mock cluster as a process: enough Kafka to try Weir with nothing but Python.

It serves real clients over TCP, and keeps everything in memory: 5 MiB or 100,000 batches a partition, no compaction,
no topic settings, four partitions for every topic. When the process ends, what it held is gone.
"""

import signal
import sys
import threading
from pathlib import Path

from confluent_kafka import Producer

from ingest.kafka import TOPICS, KafkaSettings

SECONDS = 10.0


def serve(address: Path, stop: threading.Event) -> None:
    """Run the cluster until `stop`; its `host:port` is written to `address` once all topics are there."""
    # The address that a client is given is of no account: the option puts the cluster's own in its place.
    cluster = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(cluster.list_topics(timeout=SECONDS).brokers.values()))
    settings = KafkaSettings()
    for topic in TOPICS:
        cluster.list_topics(settings.topic(topic.name), timeout=SECONDS)  # asking for a topic makes it
    fresh = address.with_suffix(".new")
    fresh.write_text(f"{broker.host}:{broker.port}")
    fresh.replace(address)
    stop.wait()


def main() -> None:
    """`python -m deploy.mock_broker FILE`: serve until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(Path(sys.argv[1]), stop)


if __name__ == "__main__":
    main()
