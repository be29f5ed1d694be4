"""Turns: how many queries of one key run at once, so that its costly ones wait for each other and not for others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from api.errors import TooMany
from api.keys.caller import Caller

WAITING = 16
"""Queries of a key that may wait for their turn, for each that may run."""


@dataclass
class _Lane:
    """The queries of one key."""

    room: asyncio.Semaphore
    inside: int = field(default=0)
    """Those that run and those that wait."""


class Turns:
    """A lane a key. Counted in each process by itself, within one event loop; 0 at once: no limit."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._at_once = at_once
        self._seconds = seconds
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def of(self, caller: Caller) -> AsyncIterator[None]:
        """A turn of the caller's, for as long as the block lasts. Raises `TooMany` where none comes free in time."""
        if not (self._at_once and caller.key):
            yield
            return
        lane = self._lanes.setdefault(caller.key, _Lane(asyncio.Semaphore(self._at_once)))
        if lane.inside >= self._at_once * (1 + WAITING):
            raise self._full()
        lane.inside += 1
        try:
            async with self._turn(lane):
                yield
        finally:
            lane.inside -= 1
            if not lane.inside:
                del self._lanes[caller.key]

    @asynccontextmanager
    async def _turn(self, lane: _Lane) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._seconds):
                await lane.room.acquire()
        except TimeoutError:
            raise self._full() from None
        try:
            yield
        finally:
            lane.room.release()

    def _full(self) -> TooMany:
        return TooMany(
            f"This key has {self._at_once} queries running, and more are waiting.",
            hint="Send the next when an answer has come, or ask for less.",
            retry_after=2,
        )
