"""A broker for tests of one client: librdkafka's own mock cluster."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Producer


@pytest.fixture
def broker() -> Iterator[str]:
    """The address of a mock cluster that lives as long as its client."""
    options: dict[str, Any] = {"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0}
    cluster = Producer(options)
    brokers = cluster.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    cluster.flush(1)
