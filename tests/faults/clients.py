"""Clicks as browsers make them: over HTTP, through real redirectors that say each accepted click's id.

What is promised is what was answered with an id. A request that broke off may or may not have been accepted: it was
heard by a process that died. One that was answered without an id was promised nothing, and must not be stored.
"""

import asyncio
import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple
from uuid import UUID

import httpx
import msgspec
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

from deploy.preflight import HOST
from ingest.events import SEQ_BITS
from ingest.kafka import LINKS, KafkaSettings
from ingest.links import Link, link_id, link_key
from tests.faults.driver import BROWSER, ClickKey, Place, Traffic
from tests.faults.service import Crew, Service

DOMAIN = "go.example"
LINKS_OF_A_VISITOR = 5
CONNECTIONS = 4
"""To each redirector."""
ANSWER_SECONDS = 5.0
"""After which a request is given up: nobody waits longer for a redirect."""
AGAIN_SECONDS = 0.1
READY_SECONDS = 60.0
SENT_SECONDS = 60.0
END_SECONDS = 30.0
FRESH = 8
TICK_SECONDS = 0.05

REQUEST = """\
GET /link-{link}?n={number}&v={visitor}&p={padding} HTTP/1.1\r
Host: {domain}\r
User-Agent: {browser}\r
X-Forwarded-For: 10.7.{high}.{low}\r
\r
"""
CLICK_ID = re.compile(rb"\r\nx-click-id: (\S+)\r\n", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)

NUMBERS = """
SELECT src, seq, toUInt64OrZero(extract(any(query), 'n=([0-9]+)')) FROM events
WHERE kind = 'click' AND edition = 0 GROUP BY src, seq
"""


class Answer(NamedTuple):
    """One request, and what became of it."""

    at: float
    """When it was sent, by the monotonic clock."""
    seconds: float
    status: int
    """0: none came."""
    promised: bool


class Answers:
    """Requests and answers of some span of time."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = list(answers)

    @property
    def kinds(self) -> Counter[str]:
        """How many were `promised`, only `redirected`, `refused` with another status, or `unanswered`."""
        return Counter(map(_kind, self._answers))

    @property
    def p99(self) -> float:
        """Seconds within which 99 of 100 answers came; 0 where there are none."""
        seconds = sorted(answer.seconds for answer in self._answers if answer.status)
        return seconds[len(seconds) * 99 // 100] if seconds else 0.0

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common())
        return f"{kinds or 'nothing'}, p99 {self.p99 * 1000:.0f} ms"


def _kind(answer: Answer) -> str:
    if answer.status != 302:
        return "refused" if answer.status else "unanswered"
    return "promised" if answer.promised else "redirected"


class HttpDriver:
    """Sends clicks through the redirectors of a crew; a `Driver`."""

    def __init__(self, crew: Crew, spool: Path) -> None:
        self._crew, self._spool = crew, spool
        self._random = Random()
        self.traffic = Traffic()
        """What is sent from now on; its rate may be changed at any time."""
        self._number = 0
        self._lock = threading.Lock()
        self._promised: dict[ClickKey, None] = {}
        self._unheard: set[int] = set()
        self._forgiven: set[ClickKey] = set()
        self._answers: list[Answer] = []
        self._stopping, self._paused = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def acknowledged(self) -> Mapping[ClickKey, int | None]:
        with self._lock:
            return dict(self._promised)

    @property
    def uncertain(self) -> Collection[ClickKey]:
        return ()

    @property
    def poison(self) -> Collection[Place]:
        return ()

    def unheard(self, client: Client) -> Collection[ClickKey]:
        with self._lock:
            unheard = set(self._unheard)
        return {
            (src, seq)
            for src, seq, number in client.query(NUMBERS).result_rows
            if number in unheard or (src, seq) in self._forgiven
        }

    def begin(self, random: Random, traffic: Traffic) -> None:
        self._random, self.traffic = random, traffic
        for redirector in self._crew.services:
            if not redirector.supervised:
                redirector.start()
        self.wait_ready()
        self._stopping.clear()
        self._paused.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._drive()), name="driver", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        self._paused.set()
        time.sleep(TICK_SECONDS)
        self.wait_sent()

    def resume(self) -> None:
        self._paused.clear()

    def finish(self) -> None:
        self.abandon()
        self.wait_ready()
        self.wait_sent()

    def abandon(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def fresh(self) -> Collection[ClickKey]:
        self.wait_ready()
        keys: list[ClickKey] = []
        while len(keys) < FRESH:
            keys += self.ask(self._random.choice(self._crew.services))
        return keys

    def ask(self, redirector: Service) -> Collection[ClickKey]:
        """One click now: its key; none where it was not promised, or nobody answered."""
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            return asyncio.run(self._one(redirector))
        return ()

    def close(self) -> None:
        for redirector in self._crew.services:
            if (code := redirector.stop(END_SECONDS)) != 0:
                raise RuntimeError(f"{redirector.name} was told to stop, and ended with {code}")

    def since(self, at: float) -> Answers:
        """What was sent since a moment of the monotonic clock, and what became of it."""
        with self._lock:
            return Answers(answer for answer in self._answers if answer.at >= at)

    def wait_ready(self) -> None:
        """Wait until every redirector is. Raises `TimeoutError`."""
        for redirector in self._crew.services:
            _wait(lambda: redirector.ready, READY_SECONDS, f"{redirector.name} did not become ready")  # noqa: B023

    def wait_sent(self) -> None:
        """Wait until Kafka has all that the redirectors took, and those before them. Raises `TimeoutError`."""
        for redirector in self._crew.services:
            _wait(lambda: waiting(redirector) == 0, SENT_SECONDS, f"{redirector.name} has events left")  # noqa: B023
        _wait(lambda: not leftovers(self._spool), SENT_SECONDS, "what dead redirectors left was not sent")

    def forgive(self, keys: Iterable[ClickKey]) -> None:
        """What was promised of these clicks was undone by us: they may be there or not."""
        with self._lock:
            for key in keys:
                self._promised.pop(key, None)
                self._forgiven.add(key)

    async def _drive(self) -> None:
        async with asyncio.TaskGroup() as clients:
            for redirector in self._crew.services * CONNECTIONS:
                clients.create_task(self._client(redirector))

    async def _client(self, redirector: Service) -> None:
        """One connection after the other, a click at a time, at its share of the rate."""
        while not self._stopping.is_set():
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                async with connected(redirector) as (reader, writer):
                    await self._click_on(reader, writer)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _click_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            due = max(due + len(self._crew.services) * CONNECTIONS / self.traffic.rate, time.monotonic() - 1)
            await asyncio.sleep(max(due - time.monotonic(), 0))
            if not self._paused.is_set():
                await self._click(reader, writer)

    async def _one(self, redirector: Service) -> list[ClickKey]:
        async with connected(redirector) as (reader, writer):
            key = await self._click(reader, writer)
        return [key] if key else []

    async def _click(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> ClickKey | None:
        """One click: its key, where the redirector promised it. Raises `OSError`, `EOFError` or `TimeoutError`."""
        with self._lock:
            self._number += 1
            number = self._number
            self._unheard.add(number)
        began = time.monotonic()
        status, key = 0, None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                writer.write(self._request(number))
                status, key = await _answer(reader)
        finally:
            with self._lock:
                self._answers.append(Answer(began, time.monotonic() - began, status, key is not None))
                if status:
                    self._unheard.discard(number)
                if key:
                    self._promised[key] = None
        return key

    def _request(self, number: int) -> bytes:
        visitor = self._random.randrange(self.traffic.visitors or 1 << 16)
        high, low = divmod(visitor, 256)
        link = self._random.randrange(LINKS_OF_A_VISITOR)
        return REQUEST.format(
            link=link,
            number=number,
            visitor=visitor,
            padding="x" * self.traffic.padding,
            domain=DOMAIN,
            browser=BROWSER,
            high=high,
            low=low,
        ).encode()


@contextlib.asynccontextmanager
async def connected(redirector: Service) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a redirector."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection(HOST, redirector.port), ANSWER_SECONDS)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, ClickKey | None]:
    """The status of an answer, and the key of its click where it has one."""
    head = await reader.readuntil(b"\r\n\r\n")
    if length := LENGTH.search(head):
        await reader.readexactly(int(length[1]))
    found = CLICK_ID.search(head)
    return int(head[9:12]), key_of(found[1].decode()) if found else None


def key_of(click_id: str) -> ClickKey:
    """The source and the number in a click id: the random bits of its UUIDv7."""
    bits = UUID(click_id).int
    random = (bits >> 64 & 0xFFF) << 62 | bits & (1 << 62) - 1
    return random >> SEQ_BITS, random & (1 << SEQ_BITS) - 1


def waiting(redirector: Service) -> float:
    """Events that a redirector took and Kafka has not acknowledged; infinite where it does not say.

    Of several processes on one port it is the most that any said: who answers is chance, so they are asked often.
    """
    try:
        return max(redirector.metric("weir_redirector_waiting") for _ in range(4 * len(redirector.children) or 1))
    except httpx.HTTPError:
        return float("inf")


def leftovers(spool: Path) -> list[str]:
    """Slots in which there is something of a process that is not the one that holds it now."""
    srcs = {slot.name: {file.name.partition("-")[0] for file in slot.glob("*.spool")} for slot in spool.iterdir()}
    return [slot for slot, found in srcs.items() if len(found) > 1]


def write_links(kafka: KafkaSettings) -> None:
    """The links that are clicked on, as the links agent writes them: version 1 of each."""
    producer = Producer(kafka.producer())
    for number in range(LINKS_OF_A_VISITOR):
        slug = f"link-{number}"
        link = Link(
            id=link_id(DOMAIN, slug), domain=DOMAIN, slug=slug, destination=f"https://shop.example/{number}", version=1
        )
        producer.produce(kafka.topic(LINKS.name), msgspec.json.encode(link), link_key(DOMAIN, slug))
    if producer.flush(SENT_SECONDS):
        raise TimeoutError("Kafka did not take the links")


def _wait(condition: Callable[[], bool], seconds: float, what: str) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(f"{what} within {seconds:.0f} s")
        time.sleep(TICK_SECONDS)
