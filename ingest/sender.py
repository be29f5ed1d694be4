"""The sender: batches of events → the topic `clicks.raw`, each partition in order, each event once.

librdkafka's idempotent producer keeps trying for as long as Kafka is away. Where it gives an event up (the topic was
made anew, an answer was lost for good, Kafka refuses) it is replaced by a new one, and whoever sent the event sends it
again.
"""

import contextlib
import threading
import time
from typing import Any

import msgspec
import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingest import metrics
from ingest.events import Kind, decode, encode, partition_key
from ingest.kafka import CLICKS_PARTITIONER, CLICKS_RAW, SALTS
from ingest.settings import IngestSettings
from ingest.spool.segment import Frame

LINGER_MS = 5
"""Time in which the events of one batch come together by partition, a request each."""
MAX_IN_FLIGHT = 5_000
"""Events that librdkafka may hold; all others wait in the spool, whatever becomes of Kafka."""
METADATA_SECONDS = 1.0
PAUSE_SECONDS = (0.5, 15.0)
"""Pause before events that Kafka did not take are sent again: at first, and at most."""

log = structlog.get_logger(__name__)


Outgoing = dict[str, Any]
"""An event as the producer takes it: `value`, `key` and `partition`. Partition -1: Kafka was not asked yet how many
there are, then the producer chooses by the same rule. The producer adds `_error` to one that it did not take."""


class Flight:
    """Events that were sent together: how many of them Kafka has not acknowledged, and whether one never will be."""

    __slots__ = ("_started", "error", "last", "left")

    def __init__(self, last: int, left: int) -> None:
        self.last = last
        """Number of the last of them, in their source."""
        self.left = left
        self.error: KafkaError | None = None
        self._started = time.monotonic()

    def land(self, error: KafkaError | None, _message: Message | None = None) -> None:
        """What became of one of them."""
        self.left -= 1
        if error is not None:
            self.error = self.error or error
            metrics.UNDELIVERED.counts[()] += 1
        elif not self.left:
            metrics.DELIVERY.observe(time.monotonic() - self._started)

    @property
    def has_landed(self) -> bool:
        """Whether Kafka has all of them."""
        return not self.left and self.error is None


class Sender:
    """The producer, and its successors where it can't go on."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._topic = settings.topic(CLICKS_RAW.name)
        self._salts = settings.topic(SALTS.name)
        self.generation = 0
        """How many producers were given up. Whoever sent events with an earlier one sends them again."""
        self._producer = self._new()
        self.partitions = 0
        """How many the topic has, as far as is known; 0: nobody has asked yet."""
        self._pause, self._resume = PAUSE_SECONDS[0], 0.0

    @property
    def in_flight(self) -> int:
        """Events that the producer has and Kafka has not acknowledged."""
        return len(self._producer)

    @property
    def room(self) -> int:
        """How many events may be sent now."""
        return MAX_IN_FLIGHT - len(self._producer) if time.monotonic() >= self._resume else 0

    def send(self, batch: list[Outgoing], last: int) -> Flight:
        """Hand events over, never waiting; `last` is the number of the last of them."""
        flight = Flight(last, len(batch))
        try:
            taken = self._producer.produce_batch(self._topic, batch, on_delivery=flight.land)
        except (BufferError, KafkaException) as error:
            flight.error = (
                error.args[0] if isinstance(error.args[0], KafkaError) else KafkaError(KafkaError._QUEUE_FULL)
            )
            return flight
        if taken < len(batch):
            for event in batch:
                if "_error" in event:
                    flight.land(event["_error"])
        return flight

    def put_salt(self, key: bytes, value: bytes) -> None:
        """Send a record of the topic `salts`; one that can't be taken is asked for again anyway."""
        try:
            self._producer.produce(self._salts, value, key)
        except (BufferError, KafkaException) as error:
            log.warning("A salt could not be published", error=str(error))

    def poll(self, timeout: float = 0) -> None:
        """Take in what Kafka has acknowledged."""
        self._producer.poll(timeout)

    def count_partitions(self) -> int:
        """Ask how many partitions the topic has now; 0 where Kafka does not say. Blocks for a second at most."""
        try:
            topic = self._producer.list_topics(self._topic, timeout=METADATA_SECONDS).topics[self._topic]
        except KafkaException:
            return 0  # `_complain` is told why
        return len(topic.partitions) if topic.error is None else 0

    def fail(self, error: KafkaError) -> None:
        """Give up what is in flight since Kafka has not taken all of it; another producer goes on after a pause."""
        log.error("Kafka did not take events; they stay in the spool and are sent again", error=error.str())
        self._resume = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, PAUSE_SECONDS[1])
        old, self._producer = self._producer, self._new()
        self.generation += 1
        threading.Thread(target=_end, args=(old,), name="end a producer", daemon=True).start()

    def succeeded(self) -> None:
        """Kafka takes events: the next failure is a new one."""
        self._pause = PAUSE_SECONDS[0]

    def _new(self) -> Producer:
        return Producer(
            self._settings.producer()
            | {
                "partitioner": CLICKS_PARTITIONER,
                "linger.ms": LINGER_MS,
                "message.timeout.ms": 0,  # never give up
                "error_cb": _complain,
            }
        )


def outgoing(frame: Frame, src: int, partitions: int, *, doubtful: bool) -> Outgoing:
    """An event as it is read from a spool; one that is `doubtful` may be in Kafka already, and says so.

    Where the topic was made again with fewer partitions, the producer chooses another; so it does where nobody has yet.
    """
    value, key = frame.event, word_key(src)
    with contextlib.suppress(msgspec.DecodeError):  # of a later version: it goes as it stands
        event = decode(value)
        if event.kind not in {Kind.HEARTBEAT, Kind.CLOSE}:
            key = partition_key(event)
        if doubtful:
            value = encode(msgspec.structs.replace(event, resent=True))
    return Outgoing(value=value, key=key, partition=frame.partition if frame.partition < partitions else -1)


def word_key(src: int) -> bytes:
    """Key of what a process says about itself."""
    return f"{src:010x}".encode()


def _end(producer: Producer) -> None:
    """What a producer still has is let go; its threads may take a while to end."""
    producer.purge()
    producer.close()


def _complain(error: KafkaError) -> None:
    log.warning("Kafka", cause=error.name(), error=error.str())
