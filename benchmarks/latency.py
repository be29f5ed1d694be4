"""W4: from a click's way to Kafka until a query sees it, at a steady rate, with a hold and without."""

import contextlib
import itertools
import threading
import time
from array import array
from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

from clickhouse_connect.driver.client import Client
from confluent_kafka import KafkaError, Message, Producer

from benchmarks.clicks import clicks
from benchmarks.ground import Ground, Log, Tell, producing, wait_for
from benchmarks.race import is_reading, worker
from warehouse.client import connect

POLL_SECONDS = 0.05
"""How often a query looks; what it adds to a latency, half of it on average, is not taken off."""

TICK_SECONDS = 0.01
WARM_SECONDS = 3.0
"""The first clicks are not measured: caches and connections are cold."""

VISIBLE = "SELECT kafka_partition, max(kafka_offset) FROM events GROUP BY kafka_partition"


class Tail(NamedTuple):
    """Latencies of one run, in seconds, and the rate that was really sent."""

    p50: float
    p95: float
    p99: float
    rate: float


class Sent:
    """When the record at each offset was handed to the producer, by partition."""

    def __init__(self, partitions: int) -> None:
        self.at = [array("d") for _ in range(partitions)]

    def note(self, at: float, error: KafkaError | None, message: Message) -> None:
        """A delivery report; an idempotent producer's come in the order of offsets."""
        if error is None:
            self.at[message.partition() or 0].append(at)


def measure(ground: Ground, rate: float, seconds: float, seed: int, tell: Tell, *, hold: float = 0.0) -> Tail:
    """Send so many clicks a second for so many seconds to a worker that has nothing else to do; `hold` in seconds."""
    records = list(clicks(int(rate * seconds), seed))
    log = ground.empty_log()
    with ground.database() as database, connect(database) as client:
        process, address = worker(ground, log, database, f"bench-{uuid4().hex[:8]}", hold=hold)
        try:
            wait_for(lambda: is_reading(address), process)
            sent = Sent(log.kafka.kafka_partitions)
            looks: list[tuple[float, dict[int, int]]] = []
            stop = threading.Event()
            looking = threading.Thread(target=_look, args=(client, looks, stop), daemon=True)
            looking.start()
            began = time.monotonic()
            _send(log, records, rate, sent, tell)
            really = len(records) / (time.monotonic() - began)
            _wait(looks, len(records))
            stop.set()
            looking.join()
            return _tail(sent, looks, began + WARM_SECONDS, really)
        finally:
            ground.end(process)


def _send(log: Log, records: Sequence[tuple[bytes, bytes]], rate: float, sent: Sent, tell: Tell) -> None:
    """Send records at a steady rate."""
    wanted = len(records)
    producer = Producer(producing(log.kafka))
    stream = iter(records)
    began = time.monotonic()
    number = 0
    while number < wanted:
        now = time.monotonic()
        due = min(wanted, int((now - began) * rate)) - number
        for key, value in itertools.islice(stream, due):
            _produce(producer, log.topic, key, value, sent)
        number += due
        producer.poll(0)
        tell("sending at a steady rate", number, wanted)
        time.sleep(max(0.0, TICK_SECONDS - (time.monotonic() - now)))
    producer.flush(60)


def _produce(producer: Producer, topic: str, key: bytes, value: bytes, sent: Sent) -> None:
    at = time.monotonic()
    while True:
        with contextlib.suppress(BufferError):
            producer.produce(topic, key=key, value=value, on_delivery=lambda *report: sent.note(at, *report))
            return
        producer.poll(0.01)


def _look(client: Client, looks: list[tuple[float, dict[int, int]]], stop: threading.Event) -> None:
    while not stop.wait(POLL_SECONDS):
        rows = client.query(VISIBLE).result_rows
        looks.append((time.monotonic(), {int(partition): int(offset) for partition, offset in rows}))


def _wait(looks: list[tuple[float, dict[int, int]]], number: int, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if looks and sum(looks[-1][1].values()) + len(looks[-1][1]) >= number:
            return
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"not all of {number} clicks were seen within {seconds} s")


def _tail(sent: Sent, looks: list[tuple[float, dict[int, int]]], start: float, rate: float) -> Tail:
    """Over all clicks that were sent from `start` on."""
    found = []
    for partition, times in enumerate(sent.at):
        seen = [offsets.get(partition, -1) for _, offsets in looks]
        place = 0
        for offset, at in enumerate(times):
            while seen[place] < offset:
                place += 1
            if at >= start:
                found.append(looks[place][0] - at)
    found.sort()
    p50, p95, p99 = (found[min(len(found) - 1, int(len(found) * q))] for q in (0.5, 0.95, 0.99))
    return Tail(p50, p95, p99, rate)
