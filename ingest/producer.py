"""The producer: events → the topic `clicks.raw`, each partition in order, each event once.

librdkafka's idempotent producer keeps trying for as long as the process lives: an event that it took is in Kafka once,
or still waiting. What it can't take (its queue is full because Kafka is away) is not accepted, and counted as such.
Acknowledgements and heartbeats are handled on the event loop's own thread, so nothing here is locked.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingest import metrics
from ingest.events import Kind, RawClick, click_id, encode, partition_key
from ingest.kafka import CLICKS_RAW, SALTS
from ingest.sequence import Sequence, Stamp
from ingest.settings import IngestSettings

POLL_SECONDS = 0.01
LINGER_MS = 5

log = structlog.get_logger(__name__)


class Outbox:
    """Takes events without ever waiting. `failed` is called once when the producer can't go on."""

    def __init__(self, settings: IngestSettings, failed: Callable[[str], None] = lambda _reason: None) -> None:
        self._topic = settings.topic(CLICKS_RAW.name)
        self._salts = settings.topic(SALTS.name)
        self._heartbeat_seconds = settings.redirector_heartbeat_seconds
        self._failed = failed
        self._sequence = Sequence()
        self._src_header = str(self._sequence.src).encode()
        self._producer = Producer(
            settings.producer()
            | {
                "linger.ms": LINGER_MS,
                "message.timeout.ms": 0,  # never give up
                "queue.buffering.max.messages": settings.redirector_queue,
                "error_cb": self._complain,
            }
        )

    @property
    def upcoming(self) -> Stamp:
        """The stamp that the next event carries."""
        return self._sequence.upcoming

    @property
    def mark(self) -> int:
        """All events up to this number are in Kafka."""
        return self._sequence.mark

    def put(self, click: RawClick) -> bool:
        """Take an event that carries the upcoming stamp; False where it can't be taken, and its number is not used."""
        return self._put(click, partition_key(click))

    def put_salt(self, key: bytes, value: bytes) -> None:
        """Send a record of the topic `salts`; one that can't be taken is asked for again anyway."""
        try:
            self._producer.produce(self._salts, value, key)
        except (BufferError, KafkaException) as error:
            log.warning("A salt could not be published", error=str(error))

    async def run(self) -> None:
        """Handle acknowledgements, and send a heartbeat now and then, until cancelled."""
        beat = 0.0
        while True:
            self._producer.poll(0)
            metrics.IN_FLIGHT.set(self._sequence.taken - self._sequence.mark)
            if time.monotonic() >= beat:
                beat = time.monotonic() + self._heartbeat_seconds
                self._put_word(Kind.HEARTBEAT, self._sequence.mark)
            await asyncio.sleep(POLL_SECONDS)

    def close(self, timeout: float) -> int:
        """Say which number was the last, and wait for everything to be delivered; returns how many events are not."""
        self._put_word(Kind.CLOSE, self._sequence.taken + 1)
        self._producer.flush(timeout)
        left = self._sequence.taken - self._sequence.mark
        if left:
            log.error("Events were not delivered before the end", events=left)
        return left

    def _put_word(self, kind: Kind, mark: int) -> None:
        """An event about this process itself. It has a number like any other; a close's `mark` is its own."""
        src, seq = self._sequence.upcoming
        now = time.time_ns() // 1_000_000
        word = RawClick(kind=kind, src=src, seq=seq, ts=now, id=click_id(now, src, seq), mark=mark)
        self._put(word, f"{src:010x}".encode())

    def _put(self, event: RawClick, key: bytes) -> bool:
        try:
            self._producer.produce(
                self._topic,
                encode(event),
                key,
                on_delivery=partial(self._delivered, event.seq),
                headers=[("src", self._src_header), ("seq", str(event.seq).encode())],
            )
        except BufferError:
            metrics.NOT_ACCEPTED.counts["queue_full",] += 1
            return False
        except KafkaException:
            metrics.NOT_ACCEPTED.counts["producer_failed",] += 1
            return False
        self._sequence.take()
        metrics.ACCEPTED.counts[()] += 1
        return True

    def _delivered(self, seq: int, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self._sequence.acknowledge(seq)
            metrics.DELIVERED.counts[()] += 1
            return
        metrics.UNDELIVERED.counts[()] += 1
        log.error("Kafka refused an event for good", seq=seq, error=error.str())

    def _complain(self, error: KafkaError) -> None:
        if error.fatal():
            log.critical("The producer can't go on", error=error.str())
            self._failed(error.str())
        else:
            log.warning("Kafka", cause=error.name(), error=error.str())
