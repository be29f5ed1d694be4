"""The redirector as a process on a real Kafka: from the bytes of a request to the record on the log."""

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx
import msgspec
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from ingest.address import read
from ingest.events import Kind, RawClick, click_id, decode, partition_key, partition_of
from ingest.kafka import CLICKS_RAW, LINKS, SALTS, KafkaSettings, Topic
from ingest.links import Link, Variant, link_id, link_key
from ingest.visitor import Ids, Visitor

REDIRECTOR = (str(Path(sys.executable).with_name("weir")), "run", "redirector")
WAIT_SECONDS = 30.0
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

pytestmark = pytest.mark.kafka


class Record(NamedTuple):
    """A record as it stands in the log."""

    partition: int
    key: bytes
    value: bytes
    headers: dict[str, bytes]


class Running:
    """A redirector process and its Kafka."""

    def __init__(self, kafka: KafkaSettings, spool: Path, **environment: str) -> None:
        self.kafka = kafka
        self._producer = Producer(kafka.librdkafka() | {"linger.ms": 0})
        given = {
            "WEIR_LOG_FORMAT": "json",
            "WEIR_KAFKA": kafka.kafka,
            "WEIR_KAFKA_PREFIX": kafka.kafka_prefix,
            "WEIR_REDIRECTOR_PORT": "0",
            "WEIR_SPOOL": str(spool),
        }
        self.process = subprocess.Popen(
            REDIRECTOR,
            env={**os.environ, **given, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.url = json.loads(self.process.stderr.readline())["url"]
        self.http = httpx.Client(base_url=self.url, follow_redirects=False, timeout=WAIT_SECONDS)
        self.wait(lambda: self.http.get("/-/ready").status_code == 200)

    def wait(self, is_so: Callable[[], bool]) -> float:
        """Wait until `is_so`; the seconds that it took."""
        begin = time.monotonic()
        while not is_so():
            assert time.monotonic() < begin + WAIT_SECONDS, "it did not come to pass"
            time.sleep(0.01)
        return time.monotonic() - begin

    def put(self, topic: Topic, key: bytes, value: bytes | None) -> None:
        """Write a record and see it delivered."""
        self._producer.produce(self.kafka.topic(topic.name), value, key)
        assert self._producer.flush(WAIT_SECONDS) == 0

    def add(self, slug: str, domain: str = "localhost", **fields: Any) -> Link:
        """Write a link to the topic and wait until it is live."""
        facts: dict[str, Any] = {"destination": "https://example.com/", "version": 1} | fields
        link = Link(id=link_id(domain, slug), domain=domain, slug=slug, **facts)
        self.put(LINKS, link_key(domain, slug), msgspec.json.encode(link))
        self.wait(lambda: self.metric("weir_redirector_links") >= 1)
        return link

    def metric(self, name: str) -> float:
        """A metric's value."""
        shown = self.http.get("/-/metrics").text
        return next((float(line.rsplit(" ", 1)[1]) for line in shown.splitlines() if line.startswith(name)), 0.0)

    def raw(self, request: bytes, *, end: bool = True) -> bytes:
        """`ask_raw` of this redirector."""
        return ask_raw(self.url, request, end=end)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        _, self.log = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode

    def records(self, topic: Topic = CLICKS_RAW) -> list[Record]:
        """All records of a topic, in each partition's order."""
        return read_all(self.kafka, topic)

    def clicks(self) -> list[RawClick]:
        """Everything that is on the raw topic but the words of the process about itself."""
        return [
            click
            for click in (decode(record.value) for record in self.records())
            if click.kind not in {Kind.HEARTBEAT, Kind.CLOSE}
        ]


def ask_raw(url: str, request: bytes, *, end: bool = True) -> bytes:
    """Send bytes, and (`end`) that no more will come, over a socket of their own; everything that comes back."""
    host, port = url.removeprefix("http://").split(":")
    answer = b""
    address = (host, int(port))
    with socket.create_connection(address, timeout=WAIT_SECONDS) as connection, contextlib.suppress(OSError):
        connection.sendall(request)
        if end:
            connection.shutdown(socket.SHUT_WR)
        while received := connection.recv(65_536):
            answer += received
    return answer


def read_all(kafka: KafkaSettings, topic: Topic) -> list[Record]:
    consumer = Consumer(kafka.librdkafka() | {"group.id": "test", "enable.partition.eof": True})
    name = kafka.topic(topic.name)
    partitions = list(consumer.list_topics(name, timeout=WAIT_SECONDS).topics[name].partitions)
    consumer.assign([TopicPartition(name, partition, 0) for partition in partitions])
    records, open_partitions = [], set(partitions)
    while open_partitions:
        message = consumer.poll(WAIT_SECONDS)
        assert message is not None, "Kafka did not answer"
        error = message.error()
        if error is not None:
            assert error.code() == KafkaError._PARTITION_EOF, error
            open_partitions.discard(message.partition())
            continue
        place, key, value = message.partition(), message.key(), message.value()
        assert place is not None
        records.append(
            Record(place, key or b"", value or b"", dict(cast(list[tuple[str, bytes]], message.headers() or [])))
        )
    consumer.close()
    return records


@pytest.fixture
def start(kafka: KafkaSettings, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts redirectors; what still runs at the end is killed."""
    started: list[Running] = []

    def run(**environment: str) -> Running:
        started.append(Running(kafka, tmp_path, **environment))
        return started[-1]

    yield run
    for redirector in started:
        if redirector.process.poll() is None:
            redirector.process.kill()
            redirector.process.communicate()
        redirector.http.close()


def test_every_field_from_the_request_to_the_record(start: Callable[..., Running]) -> None:
    redirector = start(WEIR_SHOW_CLICK_ID="true", WEIR_TRUSTED_PROXIES="127.0.0.0/8")
    link = redirector.add(
        "spring/sale", domain="go.example", destination="https://shop.example/x?utm_source=own&keep=%E4#top",
        version=3, status=307, referrer_policy="origin", trap=True,
    )  # fmt: skip
    before = time.time_ns() // 1_000_000
    answer = redirector.http.get(
        "/spring/sale?utm_source=Mail&gclid=secret&w_pos=4&w_of=20&w_slot=hero&w_ch=email&w_msg=m1&w_rcpt=r1"
        "&w_sent=1795000000&w_qr=1",
        headers={
            "Host": "GO.example:8080",
            "User-Agent": BROWSER,
            "X-Forwarded-For": "6.6.6.6, 203.0.113.77, 127.0.0.9",
            "Referer": "https://mail.example/read?id=1",
            "Accept-Language": "de-DE,de;q=0.8",
            "Sec-CH-UA": '"Firefox";v="140"',
            "Sec-CH-UA-Mobile": "?0",
            "Sec-Purpose": "prefetch",
        },
    )
    assert answer.status_code == 307
    assert answer.headers["location"] == "https://shop.example/x?keep=%E4&utm_source=Mail&gclid=secret#top"
    assert answer.headers["referrer-policy"] == "origin"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert redirector.stop() == 0

    (click,) = redirector.clicks()
    record = next(record for record in redirector.records() if decode(record.value) == click)
    assert before <= click.ts <= time.time_ns() // 1_000_000
    who, day = visitor(redirector.records(SALTS), "203.0.113.77", "go.example")
    assert click == RawClick(
        kind=Kind.CLICK, src=click.src, seq=click.seq, ts=click.ts, id=click_id(click.ts, click.src, click.seq),
        domain="go.example", path="/spring/sale", status=307, link_id=link.id, link_version=3,
        destination="https://shop.example/x?keep=%E4&utm_source=Mail&gclid=#top",
        network="203.0.113.0/24", address_id=who.address_id, visitor_id=who.visitor_id, salt_day=day,
        user_agent=BROWSER, hints={"brands": '"Firefox";v="140"', "mobile": "?0"},
        referrer="https://mail.example/read?id=1", language="de-DE,de;q=0.8", purpose="sec-purpose: prefetch",
        query="utm_source=Mail&gclid=", position=4, position_of=20, slot="hero", channel="email", message="m1",
        recipient="r1", sent_at=1_795_000_000, qr=True, trap=True,
    )  # fmt: skip
    assert answer.headers["x-click-id"] == click.id
    assert record.key == partition_key(click)
    assert record.partition == partition_of(record.key, redirector.kafka.kafka_partitions)
    everything = b"".join(record.key + record.value for record in redirector.records())
    assert b"203.0.113.77" not in everything
    assert b"secret" not in everything


def visitor(salts: list[Record], address: str, domain: str) -> tuple[Visitor, str]:
    """The ids of a client, worked out from the salt that stands first on the topic."""
    today = datetime.now(UTC).date().isoformat()
    salt = next(json.loads(record.value)["salt"] for record in salts if record.key == today.encode())
    known = read(address)
    assert known is not None
    return Ids(base64.b64decode(salt)).of(known, BROWSER, domain), today


def test_what_is_and_is_not_an_event(start: Callable[..., Running]) -> None:
    redirector = start()
    redirector.add("on")
    redirector.add("off", enabled=False)
    redirector.add("late", expires_at=1)
    redirector.wait(lambda: redirector.metric("weir_redirector_links") == 3)
    asked = [
        ("GET", "/on", 302), ("HEAD", "/on", 302), ("GET", "/none", 404), ("HEAD", "/none", 404), ("GET", "/off", 404),
        ("GET", "/late", 410), ("POST", "/on", 405), ("PUT", "/none", 405), ("GET", "/favicon.ico", 404),
        ("GET", "/robots.txt", 200), ("GET", "/.well-known/security.txt", 404), ("GET", "/-/live", 200),
        ("GET", "/-/nothing", 404), ("GET", "/", 404),
    ]  # fmt: skip
    for method, path, status in asked:
        assert redirector.http.request(method, path).status_code == status, (method, path)
    assert redirector.http.post("/on").headers["allow"] == "GET, HEAD"
    nowhere = [redirector.http.get(path) for path in ("/none", "/off")]
    assert nowhere[0].content == nowhere[1].content
    assert redirector.stop() == 0
    kinds = sorted((click.kind, click.path, click.status) for click in redirector.clicks())
    assert kinds == [
        (Kind.CLICK, "/on", 302), (Kind.DISABLED, "/off", 404), (Kind.DISABLED, "/off", 404),
        (Kind.EXPIRED, "/late", 410), (Kind.ORPHAN, "/", 404), (Kind.ORPHAN, "/none", 404),
        (Kind.ORPHAN, "/none", 404),
    ]  # fmt: skip


def test_a_source_proves_its_numbers(start: Callable[..., Running]) -> None:
    redirector = start(WEIR_REDIRECTOR_HEARTBEAT_SECONDS="0.1")
    for number in range(50):
        redirector.http.get(f"/{number}")
    redirector.wait(lambda: redirector.metric("weir_redirector_in_flight") == 0)
    time.sleep(0.3)
    assert redirector.stop() == 0
    events = sorted((decode(record.value) for record in redirector.records()), key=lambda event: event.seq)
    assert len({event.src for event in events}) == 1
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    close = events[-1]
    assert (close.kind, close.mark) == (Kind.CLOSE, close.seq)
    beats = [event for event in events if event.kind is Kind.HEARTBEAT]
    assert all(beat.mark < beat.seq for beat in beats)
    assert beats[-1].mark >= 51
    assert all(event.id == click_id(event.ts, event.src, event.seq) for event in events)


def test_a_changed_link_is_live_within_a_second(start: Callable[..., Running]) -> None:
    redirector = start()
    redirector.add("a", destination="https://one.example/")
    redirector.wait(lambda: redirector.http.head("/a").status_code == 302)
    for version in range(2, 5):
        link = Link(
            id=link_id("localhost", "a"), domain="localhost", slug="a", destination=f"https://v{version}.example/",
            version=version,
        )  # fmt: skip
        redirector.put(LINKS, b"localhost/a", msgspec.json.encode(link))
        took = redirector.wait(lambda: redirector.http.head("/a").headers["location"] == link.destination)  # noqa: B023
        assert took < 1.0
    redirector.put(LINKS, b"localhost/a", None)
    assert redirector.wait(lambda: redirector.http.head("/a").status_code == 404) < 1.0


def test_a_bad_record_does_not_stop_the_links(start: Callable[..., Running]) -> None:
    redirector = start()
    redirector.put(LINKS, b"localhost/a", b"not json")
    redirector.put(LINKS, b"\xff\xfe", None)
    redirector.put(LINKS, b"localhost/a", b'{"destination":"javascript:alert(1)"}')
    redirector.put(SALTS, b"2026-01-01", b"{}")
    redirector.add("b")
    redirector.wait(lambda: redirector.metric('weir_redirector_bad_records_total{topic="links"}') == 3)
    redirector.wait(lambda: redirector.metric('weir_redirector_bad_records_total{topic="salts"}') == 1)
    assert redirector.http.head("/b").status_code == 302
    assert redirector.http.head("/a").status_code == 404


def test_an_event_can_be_on_the_disk_before_its_redirect_is_answered(start: Callable[..., Running]) -> None:
    redirector = start(WEIR_SPOOL_SYNC="answer", WEIR_SHOW_CLICK_ID="true")
    redirector.add("a")
    redirector.wait(lambda: redirector.http.head("/a").status_code == 302)
    shown = [redirector.http.get("/a").headers["x-click-id"] for _ in range(5)]
    assert redirector.metric("weir_redirector_unsynced_total") == 0
    assert redirector.stop() == 0
    assert [click.id for click in redirector.clicks()] == shown


def test_forged_addresses_are_not_believed(start: Callable[..., Running]) -> None:
    redirector = start()
    forged = {"X-Forwarded-For": "203.0.113.77", "Forwarded": "for=203.0.113.77", "X-Real-IP": "203.0.113.77"}
    assert redirector.http.get("/x", headers=forged).status_code == 404
    redirector.stop()
    assert [click.network for click in redirector.clicks()] == ["127.0.0.0/24"]


def test_who_objects_leaves_no_trace(start: Callable[..., Running]) -> None:
    redirector = start()
    redirector.add("a", variants=(Variant(name="v", destination="https://v.example/"),))
    redirector.wait(lambda: redirector.http.head("/a").status_code == 302)
    for header in ("Sec-GPC", "DNT"):
        answer = redirector.http.get("/a?w_rcpt=r1", headers={header: "1", "Referer": "https://ref.example/private"})
        assert answer.headers["location"] == "https://v.example/"
    redirector.stop()
    for click in redirector.clicks():
        assert click.opted_out
        assert (click.visitor_id, click.address_id, click.recipient) == ("", "", "")
        assert (click.referrer, click.network, click.variant) == ("https://ref.example/", "127.0.0.0/24", "v")


def test_two_redirectors_give_a_visitor_one_id(start: Callable[..., Running]) -> None:
    one, two = start(), start()
    for redirector in (one, two):
        redirector.http.get("/x", headers={"User-Agent": BROWSER})
        redirector.stop()
    clicks = one.clicks()
    assert len(clicks) == 2
    assert len({click.visitor_id for click in clicks}) == 1
    assert len({click.src for click in clicks}) == 2
    assert not any(click.salt_local for click in clicks)


def test_requests_in_one_packet_are_all_answered(start: Callable[..., Running]) -> None:
    redirector = start()
    redirector.add("a")
    redirector.wait(lambda: redirector.http.head("/a").status_code == 302)
    request = b"GET /a HTTP/1.1\r\nHost: x\r\nCookie: " + b"x" * 1000 + b"\r\n\r\n"
    last = b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert redirector.raw(request * 100 + last, end=False).count(b"HTTP/1.1 302") == 101


def test_a_missing_topic_is_named_and_waited_for(kafka: KafkaSettings) -> None:
    environment = {
        **os.environ, "WEIR_KAFKA": kafka.kafka, "WEIR_KAFKA_PREFIX": "nowhere.", "WEIR_REDIRECTOR_PORT": "0",
        "WEIR_REDIRECTOR_STOP_SECONDS": "1", "WEIR_LOG_FORMAT": "json",
    }  # fmt: skip
    process = subprocess.Popen(REDIRECTOR, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        url = json.loads(process.stderr.readline())["url"]
        assert httpx.get(f"{url}/-/live").status_code == 200
        assert httpx.get(f"{url}/-/ready").status_code == 503
        assert httpx.get(f"{url}/unknown").status_code == 503
        complaint = next(line for line in process.stderr if "nowhere.links" in line)
        assert "`weir topics` makes it" in complaint
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0
