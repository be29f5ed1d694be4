"""Links in redirectors as processes, on a real Kafka: how soon a change is live, and what a snapshot is good for."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from api.settings import ApiSettings
from deploy import topics
from ingest.kafka import LINKS, KafkaSettings
from ingest.links import Link, link_id, link_key
from ingest.linkstore import LinkStore, LiveLinks
from tests.faults.broker import ProxiedKafka
from tests.fixtures.services import Service, running

pytestmark = pytest.mark.kafka
DOMAIN = "go.example"
WAIT_SECONDS = 30.0


def wait(is_so: Callable[[], bool]) -> float:
    """Wait until `is_so`; the seconds that it took."""
    begin = time.monotonic()
    while not is_so():
        assert time.monotonic() < begin + WAIT_SECONDS, "it did not come to pass"
        time.sleep(0.005)
    return time.monotonic() - begin


def status(service: Service, slug: str) -> int:
    return httpx.head(f"{service.url}/{slug}", headers={"host": DOMAIN}, timeout=WAIT_SECONDS).status_code


class Log:
    """The topic `links`, written as the links agent does."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self.kafka = kafka
        self._producer = Producer(kafka.producer() | {"linger.ms": 0})

    def put(self, *slugs: str) -> None:
        for slug in slugs:
            link = Link(id=link_id(DOMAIN, slug), domain=DOMAIN, slug=slug, destination="https://e.example/", version=1)
            self._write(slug, msgspec.json.encode(link))
        assert self._producer.flush(WAIT_SECONDS) == 0

    def delete(self, slug: str) -> None:
        self._write(slug, None)
        assert self._producer.flush(WAIT_SECONDS) == 0

    def _write(self, slug: str, value: bytes | None) -> None:
        self._producer.produce(self.kafka.topic(LINKS.name), value, link_key(DOMAIN, slug))


def test_a_change_is_live_in_every_redirector_within_a_second(installation: ApiSettings, tmp_path: Path) -> None:
    """Each change goes the whole way: API, command, links agent, topic, both redirectors."""
    with ExitStack() as stack:
        api = stack.enter_context(running("api", tmp_path / "api.log", installation))
        spool: dict[str, Any] = {"spool": str(tmp_path / "spool")}
        two = [
            stack.enter_context(running("redirector", tmp_path / f"{name}.log", installation, **spool))
            for name in ("one", "two")
        ]
        links = stack.enter_context(httpx.Client(base_url=api.url, timeout=WAIT_SECONDS))
        took = []

        def live(slug: str, answer: int) -> None:
            took.append(wait(lambda: all(status(one, slug) == answer for one in two)))

        for slug in ("live-1", "live-2", "live-3"):
            made = links.post("/v1/links", json={"destination": "https://e.example/", "slug": slug})
            assert made.status_code == 201
            live(slug, 302)
            assert links.patch(made.headers["location"], json={"status": 301}).status_code == 200
            live(slug, 301)
            assert links.delete(made.headers["location"]).status_code == 204
            live(slug, 404)
    assert statistics.median(took) < 1, took


@contextmanager
def living(kafka: KafkaSettings, folder: Path) -> Iterator[tuple[LiveLinks, LinkStore]]:
    store = LinkStore("localhost")
    live = LiveLinks(kafka, store, folder)
    live.start()
    try:
        yield live, store
    finally:
        live.stop()


def wait_until_current(live: LiveLinks) -> None:
    wait(lambda: live.is_ready and live.current_at > 0)


def test_a_snapshot_is_gone_by_where_the_topic_is_the_same(kafka: KafkaSettings, tmp_path: Path) -> None:
    """What the real Kafka says of the topic's id, its options and its ends."""
    log = Log(kafka)
    log.put("a", "b", "c")
    for expected in ({"a", "b", "c"}, {"a", "c", "d"}):
        with living(kafka, tmp_path) as (live, store):
            wait_until_current(live)
            wait((tmp_path / "links.journal").exists)
            assert {name.removeprefix(f"{DOMAIN}/") for name, _ in store.items()} == expected
        log.delete("b")
        log.put("d")


def test_the_snapshot_of_a_topic_that_was_made_anew_is_thrown_away(kafka_server: ProxiedKafka, tmp_path: Path) -> None:
    kafka = KafkaSettings(kafka=kafka_server.bootstrap, kafka_prefix=f"{uuid4().hex[:8]}.")
    topics.ensure(kafka)
    Log(kafka).put("a", "b")
    with living(kafka, tmp_path) as (live, _):
        wait(lambda: live.is_ready)
        wait((tmp_path / "links.journal").exists)
    name = kafka.topic(LINKS.name)
    admin = AdminClient(kafka.librdkafka())
    admin.delete_topics([name])[name].result(WAIT_SECONDS)
    wait(lambda: name not in admin.list_topics(timeout=WAIT_SECONDS).topics)
    topics.ensure(kafka)
    Log(kafka).put("new", "newer", "newest")
    with living(kafka, tmp_path) as (live, store):
        wait(lambda: live.is_ready)
        assert {name for name, _ in store.items()} == {f"{DOMAIN}/{slug}" for slug in ("new", "newer", "newest")}


def test_a_redirector_starts_without_kafka_and_takes_it_up_when_it_is_back(
    kafka: KafkaSettings, kafka_server: ProxiedKafka, tmp_path: Path
) -> None:
    log = Log(kafka)
    log.put("a", "b")
    suffering = kafka.model_copy(update={"kafka": kafka_server.proxied})
    options = {"spool": str(tmp_path / "spool"), "redirector_stop_seconds": "1"}
    with running("redirector", tmp_path / "first.log", suffering, **options) as first:
        assert status(first, "a") == 302
        wait((tmp_path / "spool" / "0" / "links.journal").exists)
    kafka_server.proxy.cut()
    try:
        log.put("c")
        log.delete("b")
        with running("redirector", tmp_path / "second.log", suffering, **options) as second:
            assert [status(second, slug) for slug in "abc"] == [302, 302, 404]
            kafka_server.proxy.heal()
            wait(lambda: [status(second, slug) for slug in "abc"] == [302, 404, 302])
    finally:
        kafka_server.proxy.heal()
