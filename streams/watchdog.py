"""The watchdog: a worker that does not move while the log goes on is ended, to be started anew.

That is one whose partitions stand still, one that was given none to read since a rebalance began, and one whose event
loop does not turn. It runs in a thread of its own and asks Kafka itself, so that neither a blocked event loop nor a
consumer that quietly died can hide from it. It counts looks, not seconds: a process that was suspended is not condemned
for having slept.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping

import structlog

log = structlog.get_logger()

LOOK_SECONDS = 5.0
LOOKS = 10
"""Looks in a row without progress that end the process: 50 seconds."""


class Stall:
    """How often in a row each partition was seen behind and unmoved."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, int]] = {}

    def look(self, positions: Mapping[int, int], ends: Mapping[int, int]) -> dict[int, int]:
        """Partition → looks in a row at which it was behind the log's end and exactly where it was before."""
        behind = {number: place for number, place in positions.items() if place < ends.get(number, 0)}
        self._seen = {
            number: (place, self._seen[number][1] + 1 if self._seen.get(number, (None,))[0] == place else 0)
            for number, place in behind.items()
        }
        return {number: looks for number, (_, looks) in self._seen.items()}


class Pulse:
    """Whether an event loop turns."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked = self._answered = 0

    def look(self) -> int:
        """Looks in a row that the loop has left unanswered."""
        unanswered = self._asked - self._answered
        self._asked += 1
        self._loop.call_soon_threadsafe(self._answer, self._asked)
        return unanswered

    def _answer(self, look: int) -> None:
        self._answered = look


class Watchdog(threading.Thread):
    """Calls `end` with a reason when nothing has moved for `LOOKS` looks. To be made in the event loop it watches."""

    def __init__(
        self,
        *,
        reading: Callable[[], bool],
        positions: Callable[[], Mapping[int, int]],
        ends: Callable[[], Mapping[int, int]],
        end: Callable[[str], None],
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._reading, self._positions, self._ends, self._end = reading, positions, ends, end
        self._pulse = Pulse(asyncio.get_running_loop())
        self._stall = Stall()
        self._not_reading = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopping.wait(LOOK_SECONDS):
            if reason := self._look():
                self._end(reason)

    def _look(self) -> str:
        """Why the process has to end; empty: it need not."""
        seconds = f"{LOOK_SECONDS * LOOKS:.0f} s"
        if self._pulse.look() >= LOOKS:
            return f"the event loop has not turned for {seconds}"
        try:
            looks = self._stall.look(self._positions(), self._ends())
        except Exception as error:  # noqa: BLE001  # Kafka is away: no reason to end, and nothing can be seen
            log.warning("the watchdog can't see the log's end", reason=str(error))
            return ""
        self._not_reading = 0 if self._reading() else self._not_reading + 1
        if self._not_reading >= LOOKS:
            return f"no partitions have been handed out for {seconds}, though Kafka answers"
        if stalled := ", ".join(str(number) for number, count in looks.items() if count >= LOOKS):
            return f"partitions {stalled} have not moved for {seconds} while the log went on"
        return ""

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
