"""Single flight: who asks the same within a second gets the same answer, and ClickHouse is asked once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

V = TypeVar("V")


class _Flight(NamedTuple, Generic[V]):
    answer: asyncio.Task[V]
    asked: float


class Flights(Generic[V]):
    """Answers under way, and those that came lately. Errors go to whoever waits for them, and are not kept.

    The age of an answer is counted from when it was asked and not from when it came, since it knows what was stored
    then: nobody gets one that is staler than `seconds`, and what takes longer is asked at most once in each. 0: nothing
    is shared.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._flights: dict[Hashable, _Flight[V]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[V]]) -> V:
        """The answer to `key`, from `ask` unless there is one; who stops waiting does not stop it for others."""
        flight = self._flights.get(key)
        if flight is None or self._clock() - flight.asked >= self._seconds:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(_run(ask)), self._clock())
            flight.answer.add_done_callback(lambda answer: self._landed(key, answer))
        return await asyncio.shield(flight.answer)

    def _landed(self, key: Hashable, answer: asyncio.Task[V]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            self._forget(key, answer)
        else:
            answer.get_loop().call_later(self._seconds, self._forget, key, answer)

    def _forget(self, key: Hashable, answer: asyncio.Task[V]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.answer is answer:
            del self._flights[key]


async def _run(ask: Callable[[], Awaitable[V]]) -> V:
    return await ask()
