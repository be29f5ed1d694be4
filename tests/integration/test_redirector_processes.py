"""Several redirector processes on one port, with real processes and a real Kafka."""

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import msgspec
import psutil
import pytest
from confluent_kafka import Producer

from deploy.preflight import free_port
from ingest.events import SEQ_BITS, SRC_BITS
from ingest.kafka import LINKS, KafkaSettings
from ingest.links import Link, link_id, link_key
from tests.integration.test_redirector import REDIRECTOR, Running

pytestmark = pytest.mark.kafka

CLIENTS = 12
WAIT_SECONDS = 30.0


@contextmanager
def running(kafka: KafkaSettings, spool: Path, **environment: str) -> Iterator[Running]:
    """Redirector processes under one parent; killed in the end if they still run."""
    redirector = Running(kafka, spool, **environment)
    try:
        yield redirector
    finally:
        if redirector.process.poll() is None:
            children = psutil.Process(redirector.process.pid).children()
            redirector.process.kill()
            redirector.process.communicate()
            psutil.wait_procs(children, WAIT_SECONDS)
        redirector.http.close()


class Client(threading.Thread):
    """Clicks over one connection after the other; keeps the ids of its clicks, and whose connections broke."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._address = urlsplit(url).netloc
        self._stopped = stop
        self.ids: list[UUID] = []
        self.broken: list[int] = []
        """Start ids of processes whose connections broke."""

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=WAIT_SECONDS)
        src = 0
        while not self._stopped.is_set():
            try:
                connection.request("GET", "/a")
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                self.broken.append(src)
                connection.close()
                continue
            assert answer.status == 302, answer.status
            self.ids.append(UUID(answer.headers["x-click-id"]))
            src = src_of(self.ids[-1])
            time.sleep(0.002)
        connection.close()


def follow(url: str) -> UUID:
    """One click over a connection of its own; its id."""
    answer = httpx.get(f"{url}/a", follow_redirects=False, trust_env=False)
    assert answer.status_code == 302
    return UUID(answer.headers["x-click-id"])


def src_of(click_id: UUID) -> int:
    """The start id of the process that made a click id (see `ingest.events.click_id`)."""
    rand_a, rand_b = click_id.int >> 64 & 0xFFF, click_id.int & (1 << 62) - 1
    return (rand_a << 62 | rand_b) >> SEQ_BITS & (1 << SRC_BITS) - 1


def wait(is_so: Callable[[], bool]) -> None:
    limit = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < limit, "it did not come to pass"
        time.sleep(0.02)


def add_link(kafka: KafkaSettings) -> None:
    """The link `a`, before there is a redirector: each process reads it before it takes a visitor."""
    link = Link(
        id=link_id("localhost", "a"), domain="localhost", slug="a", version=1, destination="https://example.com/"
    )
    producer = Producer(kafka.librdkafka())
    producer.produce(kafka.topic(LINKS.name), msgspec.json.encode(link), link_key("localhost", "a"))
    assert producer.flush(WAIT_SECONDS) == 0


def test_one_of_three_is_killed_under_traffic_and_nobody_else_notices(kafka: KafkaSettings, tmp_path: Path) -> None:
    add_link(kafka)
    with running(kafka, tmp_path, WEIR_REDIRECTOR_PROCESSES="3", WEIR_SHOW_CLICK_ID="true") as redirector:
        parent, port = psutil.Process(redirector.process.pid), urlsplit(redirector.url).port
        redirector.http.close()
        stop = threading.Event()
        clients = [Client(redirector.url, stop) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        wait(lambda: all(len(client.ids) > 20 for client in clients))

        def visitors(child: psutil.Process) -> int:
            found = child.net_connections("tcp")
            return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in found)

        before = {child.pid for child in parent.children()}
        victim = max(parent.children(), key=visitors)
        victim.kill()
        wait(lambda: len({child.pid for child in parent.children()} - before) == 1)
        newcomers: list[UUID] = []

        def its_successor_serves() -> bool:
            newcomers.append(follow(redirector.url))
            return len({src_of(click_id) for client in clients for click_id in [*client.ids, *newcomers]}) == 4

        # Only one that is ready takes a visitor; stopped before, it would leave the clicks of the dead one to the next.
        wait(its_successor_serves)
        stop.set()
        for client in clients:
            client.join(WAIT_SECONDS)
        broken = [src for client in clients for src in client.broken]
        assert broken, "the victim had connections"
        assert len(set(broken)) == 1
        assert max(map(len, (client.broken for client in clients))) == 1

        began = time.monotonic()
        redirector.process.send_signal(signal.SIGTERM)
        _, log = redirector.process.communicate(timeout=WAIT_SECONDS)
        assert redirector.process.returncode == 0, log
        assert time.monotonic() - began < 15
        answered = {str(click_id) for client in clients for click_id in [*client.ids, *newcomers]}
        assert answered <= {click.id for click in redirector.clicks()}


def test_own_pages_have_ports_of_their_own_and_nobody_accepts_before_he_is_ready(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    port, admin = free_port(), free_port()
    nowhere = {
        **os.environ, "WEIR_KAFKA": "127.0.0.1:1", "WEIR_REDIRECTOR_PORT": str(port),
        "WEIR_REDIRECTOR_PROCESSES": "2", "WEIR_REDIRECTOR_ADMIN_PORT": str(admin),
        "WEIR_REDIRECTOR_STOP_SECONDS": "1", "WEIR_SPOOL": str(tmp_path / "1"),
    }  # fmt: skip
    with subprocess.Popen(REDIRECTOR, env=nowhere, stderr=subprocess.PIPE) as process:
        for number in range(2):
            wait(lambda: status(f"http://127.0.0.1:{admin + number}/-/ready") == 503)  # noqa: B023
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
            connection.settimeout(0.5)
            with pytest.raises(TimeoutError):
                connection.recv(1)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0


def status(url: str) -> int:
    """The status of an answer, 0 where there is none."""
    try:
        return httpx.get(url, timeout=5.0, trust_env=False).status_code
    except httpx.HTTPError:
        return 0


def test_with_a_port_of_their_own_own_pages_are_not_on_the_public_one(kafka: KafkaSettings, tmp_path: Path) -> None:
    admin = free_port()
    environment = {
        **os.environ, "WEIR_KAFKA": kafka.kafka, "WEIR_KAFKA_PREFIX": kafka.kafka_prefix,
        "WEIR_REDIRECTOR_PORT": (port := str(free_port())), "WEIR_REDIRECTOR_ADMIN_PORT": str(admin),
        "WEIR_REDIRECTOR_STOP_SECONDS": "1", "WEIR_SPOOL": str(tmp_path),
    }  # fmt: skip
    with subprocess.Popen(REDIRECTOR, env=environment, stderr=subprocess.PIPE) as process:
        wait(lambda: status(f"http://127.0.0.1:{admin}/-/ready") == 200)
        assert status(f"http://127.0.0.1:{admin}/-/metrics") == 200
        assert status(f"http://127.0.0.1:{admin}/a") == 404
        public = httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False)
        unknown = httpx.get(f"http://127.0.0.1:{port}/unknown", trust_env=False)
        assert (public.status_code, public.content) == (404, unknown.content)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0
