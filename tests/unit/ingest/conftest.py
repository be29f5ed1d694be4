"""What tests of the redirector's parts need: a broker for one client, and a place in a spool."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from ingest.spool import Slot, take_slot


@pytest.fixture
def broker() -> Iterator[str]:
    """The address of a mock cluster that lives as long as its client."""
    options: dict[str, Any] = {"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0}
    cluster = Producer(options)
    brokers = cluster.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    cluster.flush(1)


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    """A slot of a spool of its own."""
    taken = take_slot(tmp_path / "spool")
    yield taken
    taken.release()
