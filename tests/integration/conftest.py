"""Fixtures of more than one integration test."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from api.settings import ApiSettings
from deploy import topics
from deploy.broker import LocalKafka
from ingest.kafka import KafkaSettings
from tests.fixtures.services import running
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own


@pytest.fixture(scope="session")
def installation(
    kafka_server: LocalKafka, warehouse_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiSettings]:
    """Settings of an API whose topics and database a running worker serves."""
    kafka = KafkaSettings(kafka=kafka_server.bootstrap, kafka_prefix=f"{uuid4().hex[:8]}.")
    topics.ensure(kafka)
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    with database_of_its_own(warehouse_server) as warehouse, running("worker", log, kafka, warehouse):
        yield ApiSettings(**kafka.model_dump(), **warehouse.model_dump(), default_domain="go.example")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A warehouse of the test's own, which it may stop or kill."""
    server = EmbeddedServer(tmp_path / "data")
    server.start()
    yield server
    if server.process.poll() is None:
        server.stop()
