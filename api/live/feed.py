"""One feed: one question a second, however many follow it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import structlog

from api.errors import ApiError
from api.live.tick import Fresh, Tick, tick, trouble

SECONDS = 1.0
KEPT = 60
"""Ticks that a follower may be behind, and that one who comes back may have missed."""

log = structlog.get_logger()

Ask = Callable[[], Awaitable[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]]
"""The figures, and the newest clicks from the newest on; raises `ApiError`."""


class TooSlow(Exception):
    """A follower has not taken what happened a minute ago."""


class Feed:
    """Asks as long as somebody follows."""

    def __init__(self, ask: Ask, seconds: float = SECONDS) -> None:
        self._ask, self._seconds = ask, seconds
        self._fresh = Fresh()
        self._ticks: deque[Tick] = deque(maxlen=KEPT)
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._ended = False
        self.followers = 0
        """Kept by the hub."""

    async def follow(self, last: int | None) -> AsyncIterator[Tick]:
        """The ticks after that id as far as they are kept, else the last one; then each new one, until `end()`.

        Raises `TooSlow`.
        """
        self._running = self._running or asyncio.create_task(self._run())
        missed = [found for found in self._ticks if last is None or found.id > last]
        number = missed[0 if last is not None else -1].number - 1 if missed else self._number()
        while not self._ended:
            changed = self._changed
            for found in [found for found in self._ticks if found.number > number]:
                if found.number > number + 1:
                    raise TooSlow
                number = found.number
                yield found
            if changed is self._changed:
                await changed.wait()

    def end(self) -> None:
        """Let the followers go, and ask no more."""
        self._ended = True
        if self._running is not None:
            self._running.cancel()
        self._changed.set()

    def _number(self) -> int:
        return self._ticks[-1].number if self._ticks else 0

    async def _run(self) -> None:
        try:
            while True:
                began = time.monotonic()
                self._tell(await self._next())
                await asyncio.sleep(max(0.0, self._seconds - (time.monotonic() - began)))
        finally:
            self.end()

    async def _next(self) -> Tick:
        number = self._number() + 1
        try:
            figures, newest = await self._ask()
            return tick(number, self._id(), figures, self._fresh.among(newest))
        except ApiError as error:
            log.warning("live_feed", error=error.message)
            return trouble(number, self._id(), error.body())

    def _id(self) -> int:
        return max(int(time.time()), self._ticks[-1].id + 1 if self._ticks else 0)

    def _tell(self, new: Tick) -> None:
        self._ticks.append(new)
        self._changed.set()
        self._changed = asyncio.Event()
