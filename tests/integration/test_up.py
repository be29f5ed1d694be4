"""`weir up` as a user runs it: ready, mended when a part dies, gone without a trace when killed, going on after."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from pydantic import SecretStr

from deploy import preflight
from deploy.folder import environment_of
from ingest.kafka import LINKS, KafkaSettings
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

START_SECONDS = 120.0


def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"in {seconds:g} s it did not come to that: {what}"
        time.sleep(0.1)


class Up:
    """One `weir up` on a data folder, on ports of its own."""

    def __init__(self, data: Path, *options: str, **environment: str) -> None:
        self.data = data
        self.output = data.with_suffix(".out")
        self.ports = {name: preflight.free_port() for name in ("redirector", "api", "warehouse", "kafka")}
        ports = [word for name, port in self.ports.items() for word in (f"--{name}-port", str(port))]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "deploy", "up", "--data", str(data), *ports, *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in os.environ.items() if not name.startswith("WEIR_")} | environment,
            )

    def wait_until_ready(self) -> None:
        until(lambda: bool(self.environment()) or self.process.poll() is not None, "the stack is up", START_SECONDS)
        assert self.process.poll() is None, self.printed()

    def wait_until_back(self, part: str) -> None:
        until(lambda: bool(re.search(rf"✔ {part} +again", self.printed())), f"the {part} is back", 150)

    def environment(self) -> dict[str, str]:
        return environment_of(self.data)

    def printed(self) -> str:
        return self.output.read_text()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process:
        words = {"kafka": "kafka.Kafka"}.get(name, name)
        return next(process for process in self.family() if words in process.cmdline())

    def warehouse(self) -> WarehouseSettings:
        found = self.environment()
        return WarehouseSettings(
            clickhouse=found["WEIR_CLICKHOUSE"],
            clickhouse_user=found["WEIR_CLICKHOUSE_USER"],
            clickhouse_password=SecretStr(found["WEIR_CLICKHOUSE_PASSWORD"]),
        )

    def miss(self) -> None:
        """Ask for a slug that no link has: an event that needs no link to be made first."""
        answer = httpx.get(f"http://{preflight.HOST}:{self.ports['redirector']}/nothing-here", trust_env=False)
        assert answer.status_code == 404

    def wait_until_counted(self, misses: int) -> None:
        """All of them, and none twice."""
        until(lambda: self.misses_counted() == misses, f"{misses} misses are counted")

    def misses_counted(self) -> int:
        with connect(self.warehouse()) as client:
            return int(client.query("SELECT count() FROM events WHERE kind = 'orphan'").result_rows[0][0])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(120)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts stacks on one folder; none of them is left at the end."""
    started: list[Up] = []

    def begin(*options: str, **environment: str) -> Up:
        started.append(Up(tmp_path / "data", *options, **environment))
        return started[-1]

    yield begin
    for up in started:
        if up.process.poll() is None:
            up.stop()


@pytest.mark.kafka
@pytest.mark.timeout(400)
def test_a_stack_is_mended_killed_and_started_again(start: Callable[..., Up], kafka_server: object) -> None:
    up = start("--broker", "kafka")
    up.wait_until_ready()
    assert {process.name() for process in up.family()} >= {"java"}
    for part in ("redirector", "api"):
        assert httpx.get(f"http://{preflight.HOST}:{up.ports[part]}/-/ready", trust_env=False).status_code == 200
    up.miss()
    up.wait_until_counted(1)

    refused = start("--broker", "kafka")
    assert refused.process.wait(60) == 1
    assert f"A stack runs on {up.data} already (process {up.process.pid})." in " ".join(refused.printed().split())

    for misses, part in enumerate(("worker", "redirector", "warehouse", "kafka"), start=2):
        up.child(part).kill()
        up.wait_until_back(part)
        up.miss()
        up.wait_until_counted(misses)

    family = up.family()
    up.kill()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive

    again = start("--broker", "kafka")
    again.wait_until_ready()
    again.miss()
    again.wait_until_counted(6)
    family = again.family()
    assert again.stop() == 0
    assert not psutil.wait_procs(family, timeout=5)[1]
    stopped = re.findall(r"■ (\w+) +(stopped|killed)", again.printed())
    assert stopped == [(name, "stopped") for name in ("redirector", "roller", "worker", "api", "warehouse", "kafka")]
    assert not again.environment()


@pytest.mark.timeout(300)
def test_without_java_the_mock_is_the_broker_and_one_line_says_what_that_means(
    start: Callable[..., Up], tmp_path: Path
) -> None:
    up = start("--broker", "auto", PATH=str(tmp_path))
    up.wait_until_ready()
    said = " ".join(up.printed().split())
    assert "Java 17 or newer is not installed" in said
    assert "keeps clicks in memory only" in said
    up.miss()
    up.wait_until_counted(1)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(120) == 0


@pytest.mark.timeout(300)
def test_links_are_shown_and_signed_where_they_answer_and_geo_data_is_looked_for_where_it_is_pulled_to(
    start: Callable[..., Up],
) -> None:
    up = start("--broker", "mock")
    up.wait_until_ready()

    def weir(*words: str) -> Any:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        environment["WEIR_DATA"] = str(up.data)
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "deploy", *words], env=environment, capture_output=True, text=True, check=True
        )
        return json.loads(ran.stdout)

    link = weir("links", "add", "https://example.com/", "--slug", "spring", "--json")
    assert link["address"] == f"http://localhost:{up.ports['redirector']}/spring"
    until(lambda: httpx.head(link["address"], trust_env=False).status_code == 302, "the link answers")
    signed = weir("signing-keys", "sign", "https://example.com/signed", "--json")["signed"]
    assert signed.startswith(f"http://localhost:{up.ports['redirector']}/s/")
    assert httpx.head(signed, trust_env=False).headers["location"] == "https://example.com/signed"
    worker = up.child("worker").environ()
    assert worker["WEIR_GEO_DIR"] == str(up.data / "geo") == up.environment()["WEIR_GEO_DIR"]
    (up.data / "geo").mkdir(exist_ok=True)
    (up.data / "geo" / "mine.mmdb").write_bytes(b"no database")
    assert [database["file"] for database in weir("data", "list", "--json")] == ["mine.mmdb"]


@pytest.mark.kafka
def test_a_kafka_of_ones_own_is_used_and_its_topics_are_looked_at(
    start: Callable[..., Up], kafka: KafkaSettings
) -> None:
    up = start(WEIR_KAFKA=kafka.kafka, WEIR_KAFKA_PREFIX=kafka.kafka_prefix, WEIR_GROUP=kafka.kafka_prefix)
    up.wait_until_ready()
    assert "java" not in {process.name() for process in up.family()}
    up.miss()
    up.wait_until_counted(1)
    assert up.stop() == 0

    links = [ConfigResource(ResourceType.TOPIC, kafka.topic(LINKS.name))]
    links[0].add_incremental_config(
        ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    )
    admin = AdminClient(kafka.librdkafka())
    for future in admin.incremental_alter_configs(links).values():
        future.result(10)
    refused = start(WEIR_KAFKA=kafka.kafka, WEIR_KAFKA_PREFIX=kafka.kafka_prefix)
    assert refused.process.wait(60) == 1
    assert f"{kafka.topic(LINKS.name)}: cleanup.policy is delete, and has to be compact." in refused.printed()


def test_a_kafka_that_does_not_answer_is_named(start: Callable[..., Up]) -> None:
    address = f"{preflight.HOST}:{preflight.free_port()}"
    up = start(WEIR_KAFKA=address)
    assert up.process.wait(60) == 1
    assert f"No Kafka answers at {address} (WEIR_KAFKA)." in up.printed()


def test_a_taken_port_is_named_and_nothing_is_left(start: Callable[..., Up], tmp_path: Path) -> None:
    with socket.create_server((preflight.HOST, 0)) as other:
        port = other.getsockname()[1]
        up = start("--broker", "mock", "--warehouse-port", str(port))
        assert up.process.wait(60) == 1
    assert f"Port {port} for the warehouse is taken." in up.printed()
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])]
