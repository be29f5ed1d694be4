"""Clicks as a redirector sends them: by its own producer, `ingest.producer.Outbox`, which may lose its Kafka."""

import asyncio
import threading
import time
from collections import deque

import msgspec

from ingest.events import Kind, RawClick, click_id, encode, partition_key
from ingest.kafka import KafkaSettings
from ingest.producer import Outbox
from ingest.settings import IngestSettings
from tests.faults.driver import FLUSH_SECONDS, TICK_SECONDS, StreamDriver


class OutboxDriver(StreamDriver):
    """One redirector's clicks, sent through `proxied`; flagged copies, and what a dead one left, go straight to Kafka.

    The outbox, its event loop and its acknowledgements live in the driver's own thread.
    """

    def __init__(self, kafka: KafkaSettings, proxied: str) -> None:
        super().__init__(kafka)
        # Its heartbeats would be lost with a dead redirector's clicks, and only clicks are sent again here.
        self._redirector = IngestSettings(
            **kafka.model_copy(update={"kafka": proxied}).model_dump(), redirector_heartbeat_seconds=3600
        )
        self._waiting: deque[RawClick] = deque()
        self._dying, self._succeeded = threading.Event(), threading.Event()
        self._left = 0

    def die(self) -> int:
        """Let the redirector die, as by kill -9, with what Kafka has not acknowledged.

        Returns when the next one has sent all that again, flagged, and how many clicks it was.
        """
        self._succeeded.clear()
        self._dying.set()
        if not self._succeeded.wait(FLUSH_SECONDS):
            raise TimeoutError("the dead redirector's clicks could not be sent again")
        return self._left

    def _open(self) -> None:
        super()._open()
        self._sources = []
        self._loop = asyncio.new_event_loop()
        self._start()

    def _start(self) -> None:
        self._outbox = Outbox(self._redirector)
        self._running = self._loop.create_task(self._outbox.run())

    def _send(self) -> None:
        click = self._made(*self._outbox.upcoming)
        if self._outbox.put(click):
            self._waiting.append(click)

    def _rest(self) -> None:
        self._loop.run_until_complete(asyncio.sleep(TICK_SECONDS))
        with self._lock:
            while self._waiting and self._waiting[0].seq <= self._outbox.mark:
                self._promise(self._waiting.popleft())
        if self._dying.is_set():
            self._dying.clear()
            self._succeed()
            self._succeeded.set()

    def _succeed(self) -> None:
        """What the spool of a dead redirector is for: its successor sends again what was not acknowledged."""
        src, taken = self._outbox.upcoming.src, self._outbox.upcoming.seq - 1
        self._end()
        self._outbox._producer.purge()  # what a process has in hand dies with it
        self._start()
        for click in self._waiting:
            copy, key = msgspec.structs.replace(click, resent=True), (click.src, click.seq)
            self._put(partition_key(copy), encode(copy), lambda _, key=key: self._inherited(key))
        self._left = len(self._waiting)
        self._waiting.clear()
        now = time.time_ns() // 1_000_000
        seq = taken + 1
        close = RawClick(kind=Kind.CLOSE, src=src, seq=seq, ts=now, id=click_id(now, src, seq), mark=seq)
        self._put(f"{src:010x}".encode(), encode(close), lambda _: None)
        super()._flush()

    def _inherited(self, key: tuple[int, int]) -> None:
        self._clicks.add(key)
        self._uncertain.add(key)
        self._sent_copies[key] += 1

    def _flush(self) -> None:
        super()._flush()
        limit = time.monotonic() + FLUSH_SECONDS
        while self._waiting:
            self._rest()
            if time.monotonic() > limit:
                raise TimeoutError("Kafka did not take the redirector's clicks")

    def _close(self) -> None:
        super()._close()
        if left := self._outbox.close(FLUSH_SECONDS):
            raise TimeoutError(f"Kafka did not take {left} of the redirector's events")
        self._end()
        self._loop.close()

    def _end(self) -> None:
        self._running.cancel()
        self._loop.run_until_complete(asyncio.wait({self._running}))
