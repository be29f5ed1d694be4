"""The outbox: an event stands in the spool before its redirect is answered, and is in Kafka as soon as that can be.

Delivery: what `put` took is in Kafka at least once, whatever becomes of this process or of Kafka, and every copy that
may be a second one is flagged, so that the stream counts it once. While Kafka keeps up, events go straight from here to
the producer; where it does not, they are read from the spool once it takes them.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog

from ingest import metrics
from ingest.events import Kind, RawClick, click_id, encode, partition_key, partition_of
from ingest.leftovers import Leftovers
from ingest.sender import Flight, Outgoing, Sender, outgoing, word_key
from ingest.sequence import Stamp
from ingest.settings import IngestSettings
from ingest.spool import Slot, Spool
from ingest.spool.segment import NO_PARTITION, Segment
from ingest.spool.spool import SEGMENT_BYTES, Place
from ingest.spread import Spread

TICK_SECONDS = 0.005
SEND_SECONDS = 0.01
"""How long events are collected for a batch: each costs the producer the same, whatever is in it."""
READ_BATCH = 256
"""Events read from the spool a turn: more would make visitors wait."""
PARTITIONS_SECONDS = 30.0
"""How often Kafka is asked how many partitions there are; every second until it has answered once."""

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class Outbox:
    """Takes events without ever waiting. Everything belongs to the event loop's thread, `close` to any after it."""

    def __init__(self, settings: IngestSettings, slot: Slot, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._slot = slot
        self._spool = Spool(slot.path, settings.spool_megabytes << 20, segment_bytes)
        self._sender = Sender(settings)
        self._leftovers = Leftovers(slot, self._spool.src, self._sender)
        self._spread = Spread()
        self._heartbeat_seconds = settings.redirector_heartbeat_seconds
        self._sender.partitions = slot.partitions
        self._waiting: list[Outgoing] = []
        """Events that are to be sent with the next turn; those before them are sent."""
        self._behind: Place | None = None
        """Where the events stand that are not even in `_waiting`; None: there are none."""
        self._room = self._sender.room
        """How many may be in `_waiting`."""
        self._flights: deque[Flight] = deque()
        self._generation = self._sender.generation
        self._sent = 0
        self._next_send = 0.0
        self._doubtful = 0
        """Up to this number an event may be in Kafka though it is not known to be."""
        self._disk = ThreadPoolExecutor(1, "spool")
        self._making: Future[Segment | None] | None = None
        """The next segment, while it is made ready."""
        self._unsynced: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None
        self.mark = 0
        """Kafka has all events up to this number."""
        metrics.SPOOL_LIMIT.set(settings.spool_megabytes << 20)

    @property
    def upcoming(self) -> Stamp:
        """The stamp that the next event carries."""
        return Stamp(self._spool.src, self._spool.taken + 1)

    def put(self, click: RawClick) -> bool:
        """Take an event that carries the upcoming stamp; False where it can't be taken, and its number is not used."""
        return self.put_encoded(encode(click), partition_key(click), click.ts, click.address_id)

    def put_encoded(self, event: bytes, key: bytes, ts: int, address_id: str | bytes) -> bool:
        """The same with a click as it goes out, and what its key is made of: see `Spread`."""
        number, partitions = self._spool.taken + 1, self._sender.partitions
        return self._put(event, self._spread.key(key, number, ts, address_id, partitions))

    def put_salt(self, key: bytes, value: bytes) -> None:
        """Send a record of the topic `salts`."""
        self._sender.put_salt(key, value)

    async def run(self) -> None:
        """Send what waits, hear what has arrived, and say so now and then, until cancelled."""
        watching = asyncio.create_task(self._watch_partitions())
        beat = 0.0
        try:
            while True:
                self._turn()
                await self._tidy()
                if work := self._leftovers.turn():
                    await self._on_disk(work)
                if time.monotonic() >= beat:
                    beat = time.monotonic() + self._heartbeat_seconds
                    self._put_word(Kind.HEARTBEAT, self.mark)
                await asyncio.sleep(TICK_SECONDS)
        finally:
            watching.cancel()

    async def synced(self) -> None:
        """Returns when the disk has what was put before the call; many that wait are served by one write."""
        waiting = asyncio.get_running_loop().create_future()
        self._unsynced.append(waiting)
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._sync())
        await waiting

    def close(self, timeout: float) -> int:
        """Say which number was the last, and wait for everything to be delivered; returns how many events are not.

        Those stay in the spool, and whoever has the slot next sends them. What dead processes left is waited for, too.
        """
        said = self._put_word(Kind.CLOSE, self._spool.taken + 1)
        until = time.monotonic() + timeout
        self._turn()
        while (self.mark < self._spool.taken or self._leftovers.is_busy) and time.monotonic() < until:
            self._sender.poll(0.01)
            self._turn()
            if self._leftovers.is_busy and (work := self._leftovers.turn()):
                guarded(work)
        left = self._spool.taken - self.mark
        if left:
            log.warning("Events stay in the spool; the next redirector sends them", events=left)
        self._disk.shutdown()
        if self._making is not None:
            self._spool.keep(self._making.result())
        self._leftovers.close()
        self._spool.close(self.mark, keep=not said)
        return left

    def _put(self, value: bytes, key: bytes) -> bool:
        partitions = self._sender.partitions
        partition = partition_of(key, partitions) if partitions else NO_PARTITION
        spool = self._spool
        if self._behind is None and len(self._waiting) < self._room:
            if not spool.append(partition, value):
                return self._refuse()
            self._waiting.append(
                {"value": value, "key": key, "partition": -1 if partition == NO_PARTITION else partition}
            )
        else:
            place = spool.end
            if not spool.append(partition, value):
                return self._refuse()
            self._behind = self._behind or place or spool.seek(spool.taken)
        metrics.ACCEPTED.counts[()] += 1
        return True

    def _refuse(self) -> bool:
        reason = self._spool.refused
        metrics.NOT_ACCEPTED.counts[reason,] += 1
        log.error("The spool takes no more: clicks are redirected and not counted", cause=reason)
        return False

    def _put_word(self, kind: Kind, mark: int) -> bool:
        """An event about this process itself. It has a number like any other; a close's `mark` is its own."""
        src, seq = self.upcoming
        now = time.time_ns() // 1_000_000
        word = RawClick(kind=kind, src=src, seq=seq, ts=now, id=click_id(now, src, seq), mark=mark)
        return self._put(encode(word), word_key(src))

    def _turn(self) -> None:
        """Hear what has arrived, send what waits."""
        self._sender.poll()
        if self._generation == self._sender.generation:
            self._land()
        if self._generation != self._sender.generation:
            self._start_over()
        self._room = self._sender.room
        # One batch at a time: where requests wait behind others that a broker does not answer, librdkafka's idempotent
        # producer takes all the time of a core until it does.
        if not self._flights:
            self._send_next()
        metrics.WAITING.set(self._spool.taken - self.mark)
        metrics.IN_FLIGHT.set(self._sender.in_flight)
        metrics.SPOOL_BYTES.set(self._spool.reserved)
        metrics.LEFTOVER_BYTES.set(self._leftovers.left)

    def _send_next(self) -> None:
        """Send what waits here, else some of what waits in the spool."""
        if self._waiting:
            if time.monotonic() >= self._next_send:
                self._next_send = time.monotonic() + SEND_SECONDS
                batch, self._waiting = self._waiting, []
                self._send(batch)
        elif self._behind is not None and self._room >= READ_BATCH:
            self._catch_up(self._behind)

    def _land(self) -> None:
        before = self.mark
        while self._flights and self._flights[0].has_landed:
            self.mark = self._flights.popleft().last
        if self.mark > before:
            metrics.DELIVERED.counts[()] += self.mark - before
            self._sender.succeeded()
        if self._flights and (error := self._flights[0].error) is not None:
            self._sender.fail(error)

    def _send(self, batch: list[Outgoing]) -> None:
        self._sent += len(batch)
        self._flights.append(self._sender.send(batch, self._sent))

    def _catch_up(self, place: Place) -> None:
        """Send some of what waits in the spool alone."""
        frames, place = self._spool.read(place, READ_BATCH)
        src, partitions = self._spool.src, self._sender.partitions
        if frames:
            self._send([outgoing(frame, src, partitions, doubtful=frame.seq <= self._doubtful) for frame in frames])
        self._behind = place if self._sent < self._spool.taken else None

    def _start_over(self) -> None:
        """The producer was given up: what it is not known to have delivered is sent again, flagged."""
        self._generation = self._sender.generation
        self._doubtful = max(self._doubtful, self._sent)
        self._flights.clear()
        self._waiting.clear()
        self._sent = self.mark
        self._behind = self._spool.seek(self.mark + 1) if self.mark < self._spool.taken else None

    async def _tidy(self) -> None:
        """Have the next segment ready before it is needed, and delete those that are not."""
        if self._making is not None and self._making.done():
            self._spool.keep(self._making.result())
            self._making = None
        if self._making is None and self._spool.wants_spare:
            self._making = self._disk.submit(self._spool.make)  # events are sent meanwhile
        for segment in self._spool.release(self.mark):
            await self._on_disk(segment.remove)

    async def _on_disk(self, work: Callable[[], None]) -> None:
        """Do what waits for the disk in another thread."""
        await self._in_disk_thread(partial(guarded, work))

    def _in_disk_thread(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._disk, work)

    async def _watch_partitions(self) -> None:
        while True:
            found = await asyncio.to_thread(self._sender.count_partitions)
            if found and found != self._sender.partitions:
                self._sender.partitions = found
                await self._on_disk(lambda found=found: self._slot.keep_partitions(found))  # type: ignore[misc]
            await asyncio.sleep(PARTITIONS_SECONDS if found else 1.0)

    async def _sync(self) -> None:
        while self._unsynced:
            waiting, self._unsynced = self._unsynced, []
            segments = self._spool.unsynced()
            try:
                await self._in_disk_thread(lambda segments=segments: flush(segments))  # type: ignore[misc]
            except OSError as error:
                log.error("The spool could not be written to disk", error=error.strerror)
                metrics.UNSYNCED.counts[()] += len(waiting)
            for one in waiting:
                if not one.done():  # its client may be gone
                    one.set_result(None)


def guarded(work: Callable[[], None]) -> None:
    """Do what may fail with the disk, and say so: a disk that fails must not end the redirects."""
    try:
        work()
    except OSError as error:
        log.error("The spool's disk fails", error=str(error))


def flush(segments: list[Segment]) -> None:
    """Returns when the disk has them; raises `OSError`."""
    for segment in segments:
        segment.flush()
