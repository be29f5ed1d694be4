"""Sending a plan: some connections that each take the next visit, at a rate, and say what came of each request."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from deploy.traffic.request import Request, Visit
from deploy.traffic.wire import Answer, Connection, Unanswered, encode

MAX_UNANSWERED = 20
"""So many requests without an answer in a row, and the server is taken for gone."""


class Target(NamedTuple):
    """The redirector, and the domain that it is asked for."""

    host: str
    port: int
    domain: str


class Sent(NamedTuple):
    """One request that was sent."""

    request: Request
    sent_at: int
    """Unix milliseconds."""
    answer: Answer | None
    """None: the connection went first, so whether it was taken is unknown."""
    seconds: float
    """Until the answer."""


class Pace:
    """Visits start no faster than the rate says (requests/s); one that is late is not made up for in a burst."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._next = 0.0

    async def turn(self, requests: int) -> None:
        """Wait for one's turn to send so many requests."""
        now = time.monotonic()
        self._next = max(self._next, now - self._gap)
        wait = self._next - now
        self._next += self._gap * requests
        if wait > 0:
            await asyncio.sleep(wait)


class _Failures:
    """Counts unanswered requests in a row."""

    def __init__(self) -> None:
        self.in_a_row = 0

    def note(self, error: OSError | None) -> None:
        self.in_a_row = 0 if error is None else self.in_a_row + 1
        if error is not None and self.in_a_row >= MAX_UNANSWERED:
            raise error


async def send(
    visits: Iterable[Visit],
    target: Target,
    *,
    rate: float = 0.0,
    connections: int = 16,
    record: Callable[[Sent], None],
) -> None:
    """Send all visits; `rate` is in requests/s, 0 as fast as the answers come. `record` is told of every request.

    No request is sent twice: one that stays without an answer may have been counted. Raises `OSError` where the server
    can't be reached, or leaves `MAX_UNANSWERED` requests in a row without an answer.
    """
    queue, pace, failures = iter(visits), Pace(rate), _Failures()
    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(connections):
                workers.create_task(_work(queue, target, pace, failures, record))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None  # all workers fail for the same reason


async def _work(
    queue: Iterator[Visit], target: Target, pace: Pace, failures: _Failures, record: Callable[[Sent], None]
) -> None:
    connection = Connection()
    try:
        for visit in queue:
            await pace.turn(len(visit))
            for request in visit:
                record(await _ask(connection, request, target, failures))
    finally:
        connection.close()


async def _ask(connection: Connection, request: Request, target: Target, failures: _Failures) -> Sent:
    sent_at, started = time.time_ns() // 1_000_000, time.perf_counter()
    answer = None
    try:
        answer = await connection.ask(target.host, target.port, encode(request, target.domain))
        failures.note(None)
    except Unanswered as error:
        failures.note(error)
    return Sent(request, sent_at, answer, time.perf_counter() - started)
