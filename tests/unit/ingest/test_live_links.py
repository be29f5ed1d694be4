"""Links that live: from the snapshot and from librdkafka's own mock cluster, whatever becomes of either."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from structlog.testing import capture_logs

from ingest.kafka import HOUR_MS, LINKS, KafkaSettings, Topic
from ingest.links import Link, link_id, link_key
from ingest.linkstore import LinkStore, LiveLinks, live, snapshot
from tests.unit.ingest.topic import NO_BROKER, LinksTopic, wait

DOMAIN = "go.example"


class Log(LinksTopic):
    """Links on it."""

    def put(self, *slugs: str, version: int = 1) -> None:
        for slug in slugs:
            link = Link(
                id=link_id(DOMAIN, slug), domain=DOMAIN, slug=slug, destination="https://e.example/", version=version
            )
            self._write(slug, msgspec.json.encode(link))

    def delete(self, slug: str) -> None:
        self._write(slug, None)

    def without_kafka(self, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
        """The same topic, and nobody who answers for it; that is noticed sooner than in life."""
        monkeypatch.setattr(live, "KAFKA_WAIT_SECONDS", 0.3)
        return self.settings.model_copy(update={"kafka": NO_BROKER})

    def made_anew(self) -> KafkaSettings:
        return self.settings.model_copy(update={"kafka_mock": uuid4()})

    def _write(self, slug: str, value: bytes | None) -> None:
        self.write(link_key(DOMAIN, slug), value)


class Links:
    """Live links and what is found among them."""

    def __init__(self, settings: KafkaSettings, folder: Path | None) -> None:
        self.store = LinkStore("localhost")
        self.live = LiveLinks(settings, self.store, folder)

    def version(self, slug: str) -> int:
        """The link's version; 0 where there is none."""
        found = self.store.get(DOMAIN, slug)
        return found.version if found else 0

    def versions(self, *slugs: str) -> list[int]:
        return [self.version(slug) for slug in slugs]

    def become_ready(self) -> None:
        wait(lambda: self.live.is_ready)


@contextmanager
def living(settings: KafkaSettings, folder: Path | None) -> Iterator[Links]:
    links = Links(settings, folder)
    links.live.start()
    try:
        yield links
    finally:
        links.live.stop()
        assert not links.live.is_alive


@pytest.fixture
def log(broker: str) -> Log:
    made = Log(broker)
    made.put("a", "b")
    return made


@pytest.fixture
def snapshotted(log: Log, tmp_path: Path) -> Log:
    """A log whose links `a` and `b` stand in a snapshot, too."""
    with living(log.settings, tmp_path) as links:
        links.become_ready()
        wait((tmp_path / "links.journal").exists)
    return log


def reads(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The keys of all records that are read from the topic from here on."""
    keys, read = list[bytes](), LinkStore.read

    def noted(store: LinkStore, key: bytes, value: bytes | None) -> tuple[str, bytes | None]:
        keys.append(key)
        return read(store, key, value)

    monkeypatch.setattr(LinkStore, "read", noted)
    return keys


def test_without_a_folder_everything_is_read(log: Log) -> None:
    with living(log.settings, None) as links:
        links.become_ready()
        assert links.versions("a", "b", "c") == [1, 1, 0]
        log.put("a", version=2)
        log.delete("b")
        wait(lambda: links.versions("a", "b") == [2, 0])
        wait(lambda: links.live.current_at > 0)


def test_a_restart_reads_only_what_came_since(
    snapshotted: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshotted.put("b", version=2)
    snapshotted.delete("a")
    keys = reads(monkeypatch)
    for _ in range(2):
        with living(snapshotted.settings, tmp_path) as links:
            links.become_ready()
            assert links.versions("a", "b") == [0, 2]
            assert links.store.domain(DOMAIN) == DOMAIN
    assert sorted(keys) == [b"go.example/a", b"go.example/b"]


def test_what_came_while_it_ran_stands_in_the_snapshot(
    snapshotted: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with living(snapshotted.settings, tmp_path) as links:
        links.become_ready()
        snapshotted.put("c")
        snapshotted.delete("a")
        wait(lambda: links.versions("a", "c") == [0, 1])
    with living(snapshotted.without_kafka(monkeypatch), tmp_path) as links:
        links.become_ready()
        assert links.versions("a", "b", "c") == [0, 1, 1]


def test_while_kafka_is_away_the_snapshot_serves_whatever_it_is(
    snapshotted: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "TRUSTED_SHARE", 0)
    with living(snapshotted.without_kafka(monkeypatch), tmp_path) as links:
        wait(lambda: links.version("a") == 1)
        assert not links.live.is_ready
        links.become_ready()
    with living(snapshotted.without_kafka(monkeypatch), tmp_path / "none") as links:
        time.sleep(live.KAFKA_WAIT_SECONDS + 0.5)
        assert not links.live.is_ready


def stale(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    short = Topic(LINKS.name, "", {**LINKS.config, "delete.retention.ms": "1"})
    monkeypatch.setattr(live, "LINKS", short)
    return settings


def elsewhere(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    monkeypatch.setattr(live, "watermarks", lambda *_, **__: {0: (5, 9), 1: (5, 9), 2: (5, 9), 3: (5, 9)})
    return settings


def fewer(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    monkeypatch.setattr(live, "watermarks", lambda *_, **__: {0: (0, 99)})
    return settings


def another(settings: KafkaSettings, _monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    return settings.model_copy(update={"kafka_mock": uuid4()})


@pytest.mark.parametrize("doubt", [stale, elsewhere, fewer, another])
def test_a_snapshot_that_can_t_be_gone_by_is_thrown_away(
    snapshotted: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doubt: Callable[..., KafkaSettings]
) -> None:
    keys = reads(monkeypatch)
    with living(doubt(snapshotted.settings, monkeypatch), tmp_path) as links:
        links.become_ready()
        assert links.versions("a", "b") == [1, 1]
        assert sorted(keys) == [b"go.example/a", b"go.example/b"]


def test_what_serves_is_served_until_all_has_been_read_anew(snapshotted: Log, tmp_path: Path) -> None:
    """As when Kafka comes back with another topic: what the old snapshot had is found until the new links are whole."""
    store = LinkStore("localhost")
    links = LiveLinks(snapshotted.made_anew(), store, tmp_path)
    links.open()
    links._ready = True
    assert links.resume() == {}
    store.read(b"go.example/a", None)
    assert store.get(DOMAIN, "a") is not None
    assert len(store) == 2
    store.settle()
    assert store.get(DOMAIN, "a") is None
    assert len(store) == 0
    links.close()


def test_a_folder_that_is_none_stops_nothing(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "RETRY_SECONDS", 0.1)
    with living(log.settings, tmp_path / "later") as links:
        links.become_ready()
        wait(lambda: links.live.snapshot_fails)
        log.put("c")
        wait(lambda: links.version("c") == 1)
        (tmp_path / "later").mkdir()
        wait(lambda: not links.live.snapshot_fails)
    with living(log.without_kafka(monkeypatch), tmp_path / "later") as links:
        links.become_ready()
        assert links.versions("a", "b", "c") == [1, 1, 1]


def test_a_disk_that_fills_up_stops_nothing(snapshotted: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit on a file's size stands for the disk: a frame is written in part, then none at all."""
    monkeypatch.setattr(snapshot, "RETRY_SECONDS", 0.1)
    size = (tmp_path / "links.journal").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with capture_logs(), living(snapshotted.settings, tmp_path) as links:
        links.become_ready()
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
        try:
            snapshotted.put("c")
            wait(lambda: links.live.snapshot_fails)
            assert links.version("c") == 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        wait(lambda: not links.live.snapshot_fails)
        snapshotted.put("d")
        wait(lambda: links.version("d") == 1)
    with living(snapshotted.without_kafka(monkeypatch), tmp_path) as links:
        links.become_ready()
        assert links.versions("a", "b", "c", "d") == [1, 1, 1, 1]


def test_a_snapshot_that_can_only_be_read_is_read(snapshotted: Log, tmp_path: Path) -> None:
    (tmp_path / "links.journal").rename(tmp_path / "kept")
    (tmp_path / "links.journal").mkdir()
    with living(snapshotted.settings, tmp_path) as links:
        links.become_ready()
        assert links.live.snapshot_fails
        assert links.versions("a", "b") == [1, 1]


def test_a_quiet_topic_s_snapshot_does_not_age(
    snapshotted: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "STAMP_MS", 1)
    monkeypatch.setattr("ingest.follow.PARTITIONS_SECONDS", 0.1)
    with living(snapshotted.settings, tmp_path) as links:
        links.become_ready()
        first = links.live.current_at
        wait(lambda: links.live.current_at > first + 300)
        last = links.live.current_at
    with living(snapshotted.without_kafka(monkeypatch), tmp_path) as links:
        links.become_ready()
        assert last - 300 <= links.live.current_at <= time.time_ns() // 1_000_000 < last + HOUR_MS
