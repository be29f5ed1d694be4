"""Kafka as docker-compose.yml starts it: its variables, taken by the very code that the image starts with.

That code lies in Kafka's own jars. Only addresses and folders are changed to what is free on this machine.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from confluent_kafka.admin import AdminClient

from deploy import preflight, topics
from deploy.broker import START_SECONDS, STOP_SECONDS, answers
from deploy.guardian import Guardian
from deploy.kafka.jars import classpath
from deploy.process import Process
from ingest.kafka import KafkaSettings

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def java() -> str:
    """Path of Java; without it, or Maven, the test is skipped, and says so."""
    try:
        preflight.maven()
        return preflight.java()
    except preflight.Missing as missing:
        pytest.skip(f"needs a real Kafka: {missing.message}")


def environment(port: int, data: Path) -> dict[str, str]:
    """The container's variables, for this machine."""
    here = {
        "PLAINTEXT://:9092": f"PLAINTEXT://127.0.0.1:{port}",
        "kafka:9092": f"127.0.0.1:{port}",
        "127.0.0.1:9093": f"127.0.0.1:{preflight.free_port()}",
        "/var/lib/kafka/data": str(data),
    }
    variables = {}
    for name, value in yaml.safe_load(COMPOSE.read_text())["services"]["kafka"]["environment"].items():
        text = str(value)
        for there, replacement in here.items():
            text = text.replace(there, replacement)
        variables[name] = text
    return variables


def set_up(java: str, variables: dict[str, str], folder: Path) -> Path:
    """What the image does before it starts the broker; the file of the broker's properties."""
    folders = {part: folder / part for part in ("default", "mounted", "final")}
    for path in folders.values():
        path.mkdir(exist_ok=True)
    for file in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        (folders["default"] / file).write_text("" if file == "server.properties" else "Configuration:\n")
    options = [f"--{part}-configs-dir={path}" for part, path in folders.items()]
    done = subprocess.run(
        [java, "-cp", classpath(lambda _: None), "kafka.docker.KafkaDockerWrapper", "setup", *options],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 or "is already formatted" in said, said  # the image's start script takes both
    return folders["final"] / "server.properties"


@pytest.fixture(scope="module")
def kafka(java: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """A broker with the container's properties; set up twice, as when a container is made anew on the same volume."""
    folder = tmp_path_factory.mktemp("compose-kafka")
    port = preflight.free_port()
    variables = environment(port, folder / "data")
    for _ in range(2):
        properties = set_up(java, variables, folder)
    guardian = Guardian()
    command = (java, "-Xmx512m", "-cp", classpath(lambda _: None), "kafka.Kafka", str(properties))
    process = Process(command, guardian=guardian, log=folder / "kafka.log")
    bootstrap = f"127.0.0.1:{port}"
    limit = time.monotonic() + START_SECONDS
    while not answers({"bootstrap.servers": bootstrap}):
        assert process.exit_code is None, process.tail()
        assert time.monotonic() < limit, process.tail()
    yield KafkaSettings(kafka=bootstrap)
    process.stop(STOP_SECONDS)
    guardian.close()


def test_it_takes_weirs_topics(kafka: KafkaSettings) -> None:
    made = topics.ensure(kafka)
    assert {topic.state for topic in made} == {topics.State.MADE}
    again = topics.ensure(kafka)
    assert {topic.state for topic in again} == {topics.State.RIGHT}


def test_a_typing_error_makes_no_topic(kafka: KafkaSettings) -> None:
    admin = AdminClient(kafka.librdkafka())
    assert admin.list_topics("clicks.rawe", timeout=10).topics["clicks.rawe"].error is not None
    assert "clicks.rawe" not in admin.list_topics(timeout=10).topics


def test_the_cluster_is_the_one_that_the_file_names(kafka: KafkaSettings) -> None:
    named = yaml.safe_load(COMPOSE.read_text())["services"]["kafka"]["environment"]["CLUSTER_ID"]
    assert AdminClient(kafka.librdkafka()).list_topics(timeout=10).cluster_id == named
