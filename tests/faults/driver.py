"""The load: clicks at a bounded rate, and the knowledge of what became of each.

`Driver` is what the oracle needs to know, whatever the clicks went through. `StreamDriver` puts them straight on
`clicks.raw`, as several redirectors would: each with a source id, numbers from 1, heartbeats and a close.
"""

import dataclasses
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Mapping
from random import Random
from typing import Protocol

import msgspec
from clickhouse_connect.driver.client import Client
from confluent_kafka import KafkaError, Message, Producer

from ingest.events import Kind, RawClick, click_id, encode, partition_key
from ingest.kafka import CLICKS_PARTITIONER, CLICKS_RAW, KafkaSettings
from ingest.links import link_id
from ingest.sequence import Stamp, new_src

ClickKey = tuple[int, int]
"""(src, seq)."""
Place = tuple[int, int]
"""(partition, offset)."""

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
POISON = (None, b"", b"{", b"\xff" * 20, b"[]", b'{"kind":"click"}', b'{"kind":"click","src":1,"seq":0,"ts":1}')
LARGE_POISON = b"x" * 900_000
TICK_SECONDS = 0.05
HEARTBEAT_SECONDS = 1.0
COPY_AFTER_SECONDS = 0.7
LINKS_OF_A_VISITOR = 5
FLUSH_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Traffic:
    """What is sent."""

    rate: int = 300
    """Clicks a second, of all sources together."""
    sources: int = 3
    poison: float = 0.0
    """Share of records that can't be decoded."""
    large_poison: float = 0.0
    """Share of the poison that has nearly a megabyte."""
    copies: float = 0.02
    """Share of clicks that are sent once more, flagged."""
    late: float = 0.02
    """Share of clicks whose flagged copy stands in the log before them."""
    visitors: int = 400
    """So many visitors click on a few links each, again and again; 0: everybody comes once."""
    network: float = 0.0
    """Share of clicks that come from one and the same network, so that they have one key."""
    link: float = 0.0
    """Share of clicks on one and the same link."""
    message: float = 0.0
    """Share of clicks out of one and the same message."""
    padding: int = 0
    """Bytes by which a click over HTTP is longer: it stands in the query and in the destination."""


class Driver(Protocol):
    """What the oracle asks, and a row may do."""

    def begin(self, random: Random, traffic: Traffic) -> None:
        """Send such traffic from new sources, until `finish`; what was promised before stays promised."""

    def pause(self) -> None:
        """Send nothing more; return when all that was sent is acknowledged."""

    def resume(self) -> None:
        """Send again."""

    def finish(self) -> None:
        """Send nothing more, close every source, return when all is acknowledged."""

    def abandon(self) -> None:
        """Stop, wherever it stands: the run is over."""

    def fresh(self) -> Collection[ClickKey]:
        """Send a few clicks now, and return their keys when they are promised."""

    def close(self) -> None:
        """After `fresh`: end what a judgement would find open."""

    @property
    def acknowledged(self) -> Mapping[ClickKey, int | None]:
        """Every click that was promised to be counted, and how many flagged copies of it were; None: nobody knows."""

    @property
    def uncertain(self) -> Collection[ClickKey]:
        """Clicks of which one copy may be all that there is: whoever sent them first never heard of them again."""

    def unheard(self, client: Client) -> Collection[ClickKey]:
        """Stored clicks that were not promised and may be there: their requests broke off before the answer."""

    @property
    def poison(self) -> Collection[Place]:
        """Where the undecodable records stand."""


class Source:
    """The numbers of a source that the driver plays."""

    def __init__(self) -> None:
        self.src = new_src()
        self.taken = self.mark = 0
        self._ahead: set[int] = set()

    @property
    def upcoming(self) -> Stamp:
        """What the next of its events carries."""
        return Stamp(self.src, self.taken + 1)

    def take(self) -> None:
        """It was sent."""
        self.taken += 1

    def acknowledge(self, seq: int) -> None:
        """Kafka has it; acknowledgements may come in any order."""
        self._ahead.add(seq)
        while self.mark + 1 in self._ahead:
            self.mark += 1
            self._ahead.remove(self.mark)


class StreamDriver:
    """Puts clicks straight on `clicks.raw`; a `Driver`."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._topic = kafka.topic(CLICKS_RAW.name)
        self._settings = kafka
        self._random = Random()
        self.traffic = Traffic()
        """What is sent from now on; all but its sources may be changed at any time."""
        self._producer: Producer
        self._sources: list[Source] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._paused = threading.Event()
        self._idle = threading.Event()
        self._thread: threading.Thread | None = None
        self._copies: deque[tuple[float, RawClick]] = deque()
        self._sent_copies: Counter[ClickKey] = Counter()
        self._clicks: set[ClickKey] = set()
        self._uncertain: set[ClickKey] = set()
        self._poison: set[Place] = set()
        self.ahead = 0.0
        """Seconds by which what Kafka's clock is taken for, where records bring their time, is ahead."""
        self._refused: deque[Sending] = deque()
        """What Kafka refused for good, as while its topic was made again: nothing was promised, it is sent again."""

    def _open(self) -> None:
        self._producer = Producer(
            self._settings.producer()
            | {"partitioner": CLICKS_PARTITIONER}  # a copy stands where its original does
            | {
                "linger.ms": 20,
                "message.timeout.ms": 0,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self._sources = [Source() for _ in range(self.traffic.sources)]

    @property
    def acknowledged(self) -> Mapping[ClickKey, int | None]:
        with self._lock:
            return {key: self._sent_copies[key] for key in self._clicks}

    @property
    def uncertain(self) -> Collection[ClickKey]:
        with self._lock:
            return set(self._uncertain)

    def unheard(self, client: Client) -> Collection[ClickKey]:
        return ()

    @property
    def poison(self) -> Collection[Place]:
        with self._lock:
            return set(self._poison)

    def begin(self, random: Random, traffic: Traffic) -> None:
        self._random, self.traffic = random, traffic
        self._open()
        self._stopping.clear()
        self._paused.clear()
        self._thread = threading.Thread(target=self._drive, name="driver", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        self._idle.clear()
        self._paused.set()
        if not self._idle.wait(FLUSH_SECONDS):
            raise TimeoutError("the driver could not deliver what it had sent")

    def resume(self) -> None:
        self._paused.clear()

    def renew(self) -> None:
        """Close the sources and go on with new ones, as redirectors that are restarted; only while paused."""
        self._close()
        self._open()

    def finish(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(FLUSH_SECONDS)
        self._close()

    def abandon(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def fresh(self) -> Collection[ClickKey]:
        self._sources = [Source()]
        keys = [self._click() for _ in range(8)]
        self._flush()
        return keys

    def close(self) -> None:
        """Its sources are closed by `finish`."""

    def _drive(self) -> None:
        due, beat = time.monotonic(), 0.0
        while not self._stopping.is_set():
            if self._paused.is_set():
                self._flush()
                self._idle.set()
                self._rest()
                due = time.monotonic()
                continue
            while due <= time.monotonic():
                due += 1 / self.traffic.rate
                self._one()
            if time.monotonic() >= beat:
                beat = time.monotonic() + HEARTBEAT_SECONDS
                self._heartbeat()
            self._send_copies(time.monotonic())
            self._send_refused()
            self._producer.poll(0)
            self._rest()

    def _rest(self) -> None:
        """Wait a little."""
        time.sleep(TICK_SECONDS)

    def _one(self) -> None:
        if self._chance(self.traffic.poison):
            large = self._chance(self.traffic.large_poison)
            value = LARGE_POISON if large else self._random.choice(POISON)
            self._put(b"poison%d" % self._random.randrange(8), value, self._poisoned)
        else:
            self._send()

    def _send(self) -> None:
        """Send one click."""
        self._click()

    def _click(self) -> ClickKey:
        source = self._random.choice(self._sources)
        click = self._made(*source.upcoming)
        source.take()

        late = self._chance(self.traffic.late)

        def delivered(_: Place) -> None:
            source.acknowledge(click.seq)
            self._promise(click, again=late)

        self._put(partition_key(click), encode(msgspec.structs.replace(click, resent=late)), delivered)
        return click.src, click.seq

    def _made(self, src: int, seq: int) -> RawClick:
        now = time.time_ns() // 1_000_000
        visitor = self._random.randrange(self.traffic.visitors or 1 << 16)
        link = self._random.randrange(LINKS_OF_A_VISITOR if self.traffic.visitors else 1000)
        slug = "spring" if self._chance(self.traffic.link) else f"link-{link}"
        return RawClick(
            kind=Kind.CLICK,
            src=src,
            seq=seq,
            ts=now,
            id=click_id(now, src, seq),
            status=302,
            domain="go.example",
            path=f"/{slug}",
            link_id=link_id("go.example", slug),
            network="11.0.0.0/24"
            if self._chance(self.traffic.network)
            else f"10.{visitor // 256}.{visitor % 256}.0/24",
            visitor_id=f"{visitor + 1:016x}" if self.traffic.visitors else "",
            message="newsletter-7" if self._chance(self.traffic.message) else "",
            user_agent=BROWSER,
        )

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _promise(self, click: RawClick, *, again: bool = False) -> None:
        """Kafka has the click, or a flagged copy of it; those that come `again`, and some others, a while later."""
        self._clicks.add((click.src, click.seq))
        if again or self._chance(self.traffic.copies):
            copy = msgspec.structs.replace(click, resent=not again)
            self._copies.append((time.monotonic() + COPY_AFTER_SECONDS, copy))

    def _send_copies(self, until: float) -> None:
        while self._copies and self._copies[0][0] <= until:
            _, copy = self._copies.popleft()
            self._put(partition_key(copy), encode(copy), lambda _, key=(copy.src, copy.seq): self._copied(key))

    def _copied(self, key: ClickKey) -> None:
        self._sent_copies[key] += 1

    def _poisoned(self, place: Place) -> None:
        self._poison.add(place)

    def _heartbeat(self) -> None:
        for source in self._sources:
            self._word(source, Kind.HEARTBEAT, source.mark)

    def _word(self, source: Source, kind: Kind, mark: int) -> None:
        now = time.time_ns() // 1_000_000
        src, seq = source.upcoming
        word = RawClick(kind=kind, src=src, seq=seq, ts=now, id=click_id(now, src, seq), mark=mark)
        source.take()
        self._put(f"{src:010x}".encode(), encode(word), lambda _: source.acknowledge(seq))

    def _close(self) -> None:
        """All sources say their last number; returns when Kafka has everything."""
        self._flush()
        self._send_copies(float("inf"))
        self._flush()
        for source in self._sources:
            self._word(source, Kind.CLOSE, source.taken + 1)
        self._flush()

    def _flush(self) -> None:
        limit = time.monotonic() + FLUSH_SECONDS
        while self._producer.flush(max(0.1, limit - time.monotonic())) or self._refused:
            if time.monotonic() > limit:
                raise TimeoutError("Kafka did not take the driver's records")
            time.sleep(TICK_SECONDS)
            self._send_refused()

    def _send_refused(self) -> None:
        for _ in range(len(self._refused)):
            self._put(*self._refused.popleft())

    def _put(self, key: bytes, value: bytes | None, delivered: "Delivered") -> None:
        def report(error: KafkaError | None, message: Message) -> None:
            with self._lock:
                if error is not None:
                    self._refused.append((key, value, delivered))
                else:
                    delivered((message.partition() or 0, message.offset() or 0))

        at = round((time.time() + self.ahead) * 1000)
        self._producer.produce(self._topic, key=key, value=value, on_delivery=report, timestamp=at)


class Delivered(Protocol):
    """What to do when Kafka has a record."""

    def __call__(self, place: Place, /) -> None: ...


Sending = tuple[bytes, bytes | None, Delivered]
"""Key and value of a record, and what to do when Kafka has it."""
