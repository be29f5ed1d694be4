"""The watchdog: a worker that owns partitions and does not move while the log goes on is ended, to be started anew.

It runs in a thread of its own and asks Kafka itself, so that neither a blocked event loop nor a consumer that quietly
died can hide from it. It counts looks, not seconds: a process that was suspended is not condemned for having slept.
"""

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


class Watchdog(threading.Thread):
    """Calls `end` with a reason when a partition has stood still for `LOOKS` looks."""

    def __init__(
        self,
        positions: Callable[[], Mapping[int, int]],
        ends: Callable[[], Mapping[int, int]],
        end: Callable[[str], None],
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._positions, self._ends, self._end = positions, ends, end
        self._stall = Stall()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                looks = self._stall.look(self._positions(), self._ends())
            except Exception as error:  # noqa: BLE001  # Kafka is away: no reason to end, and nothing can be seen
                log.warning("the watchdog can't see the log's end", reason=str(error))
                continue
            if any(count >= LOOKS for count in looks.values()):
                stalled = ", ".join(str(number) for number, count in looks.items() if count >= LOOKS)
                self._end(f"partitions {stalled} have not moved for {LOOK_SECONDS * LOOKS:.0f} s while the log went on")

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
