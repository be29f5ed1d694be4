"""The follower, on librdkafka's own mock cluster: everything once and in order, and nothing stops it but its owner."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.testing import capture_logs

from ingest.follow import Follower, Read, Start
from ingest.kafka import LINKS, KafkaSettings
from tests.unit.ingest.topic import NO_BROKER, LinksTopic, wait


class Log(LinksTopic):
    """One partition of it."""

    def put(self, *values: bytes | None) -> None:
        self.write(b"key", *values, partition=0)


@contextmanager
def following(settings: KafkaSettings, read: Read, start: Start = "beginning") -> Iterator[Follower]:
    follower = Follower(settings, LINKS, read, start)
    follower.start()
    try:
        yield follower
    finally:
        follower.stop()
        assert not follower.is_alive


def test_from_the_beginning_everything_is_read_in_order(broker: str) -> None:
    log, read = Log(broker), list[tuple[bytes, bytes | None]]()
    log.put(b"1", None)
    with following(log.settings, lambda key, value: read.append((key, value))) as follower:
        wait(lambda: follower.is_caught_up)
        assert read == [(b"key", b"1"), (b"key", None)]
        log.put(b"3")
        wait(lambda: len(read) == 3)
    assert not follower.is_caught_up


def test_from_the_end_only_what_comes_is_read(broker: str) -> None:
    log, read = Log(broker), list[bytes | None]()
    log.put(b"1", b"2")
    with following(log.settings, lambda _, value: read.append(value), "end") as follower:
        wait(lambda: follower.is_caught_up)
        log.put(b"3")
        wait(lambda: bool(read))
    assert read == [b"3"]


def test_a_record_that_is_refused_is_counted_and_said_and_passed_over(broker: str) -> None:
    log, read = Log(broker), list[int]()
    log.put(b"1", b"x", b"2")
    with (
        capture_logs() as said,
        following(log.settings, lambda _, value: read.append(int(value or b""))) as follower,
    ):
        wait(lambda: follower.is_caught_up)
    assert read == [1, 2]
    assert follower.bad_records == 1
    assert [(line["topic"], line["partition"], line["offset"]) for line in said] == [("links", 0, 1)]


def test_without_kafka_it_says_why_and_stops_when_told() -> None:
    with capture_logs() as said, following(KafkaSettings(kafka=NO_BROKER), lambda *_: None) as follower:
        wait(lambda: bool(said))
        assert not follower.is_caught_up
        begin = time.monotonic()
        follower.stop()
        assert time.monotonic() - begin < 3
    assert {line["event"] for line in said} == {"Kafka"}
    assert "Connection refused" in said[0]["error"]
    assert all(line["cause"] for line in said)
