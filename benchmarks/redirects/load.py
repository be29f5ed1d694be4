"""The load: requests over kept-alive connections, at a constant rate or as fast as answers come. A process of its own.

At a constant rate the loop is open: requests have times at which they are meant to go, whatever became of those before
them, and a latency counts from that time. A server that stalls is charged for all that it made wait, not for one.

`python -m benchmarks.redirects.load TASK` prints a `Load` as JSON.
"""

import contextlib
import ctypes
import os
import select
import socket
import sys
import time
from array import array
from collections import deque
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import msgspec

from benchmarks.redirects.requests import SEPARATOR

END = b"\r\n\r\n"
REDIRECTED = b"HTTP/1.1 30"
BYTES = 16_384
PATIENCE_SECONDS = 10.0
"""How long answers are waited for when all requests are sent."""

PR_SET_TIMERSLACK = 29


class Task(msgspec.Struct, frozen=True):
    """What to send, where, and how."""

    host: str
    port: int
    requests: str
    """File of requests."""
    connections: int
    seconds: float
    rate: float = 0.0
    """Requests a second; 0: as fast as answers come."""
    warm: float = 0.0
    """Of the seconds, so many from the beginning are not counted in the latencies."""


class Load(msgspec.Struct, frozen=True):
    """What came of it; times in seconds."""

    answered: int
    """Redirects."""
    refused: int
    """Answers that were none."""
    broken: int
    """Requests whose connection went before an answer was there."""
    seconds: float
    p50: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    late: float = 0.0
    """p99 of how much later than meant a request was sent that had a connection to go over: the load's own fault."""
    real_time: bool = False
    """Whether the process had real-time priority, so that nobody on its core could delay it."""

    @property
    def rate(self) -> float:
        """Redirects a second."""
        return self.answered / self.seconds


class Connection:
    """One connection, and the request that it waits for an answer to."""

    __slots__ = ("_address", "meant", "received", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.connect()

    def connect(self) -> None:
        """Begin anew."""
        self.socket = socket.create_connection(self._address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.received = b""
        self.meant = 0.0


class Sender:
    """Sends requests over some connections, and keeps the books."""

    def __init__(self, task: Task, requests: Sequence[bytes]) -> None:
        self._next = cycle(requests).__next__
        self._address = task.host, task.port
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._count_from = 0.0
        self.waiting: deque[float] = deque()
        """Times at which requests were meant to go that no connection was free for."""
        self.free: deque[Connection] = deque()
        self.latencies, self.lags = array("d"), array("d")
        self.answered = self.refused = self.broken = 0
        for _ in range(task.connections):
            self._take_up(Connection(self._address))

    def begin(self, at: float) -> None:
        """Count latencies of requests that are meant to go from then on."""
        self._count_from = at

    @property
    def in_flight(self) -> int:
        """Requests that are not answered."""
        return len(self._connections) - len(self.free) + len(self.waiting)

    def send(self, meant: float) -> None:
        """Send a request now, or as soon as a connection is free."""
        if self.free:
            self.lags.append(time.perf_counter() - meant)
            self._send(self.free.popleft(), meant)
        else:
            self.waiting.append(meant)

    def receive(self, timeout: float) -> int:
        """Wait for answers; how many requests were done with."""
        # An epoll descriptor can be waited for like any other, and select knows microseconds.
        if not select.select([self._poll], [], [], timeout)[0]:
            return 0
        events = self._poll.poll(0)
        for descriptor, _ in events:
            self._receive(self._connections[descriptor])
        return len(events)

    def _take_up(self, connection: Connection) -> None:
        self._connections[connection.socket.fileno()] = connection
        self._poll.register(connection.socket, select.EPOLLIN)
        self.free.append(connection)

    def _send(self, connection: Connection, meant: float) -> None:
        connection.meant = meant
        try:
            connection.socket.send(self._next())
        except OSError:
            self._lost(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            received = connection.socket.recv(BYTES)
        except OSError:
            received = b""
        if not received:
            self._lost(connection)
            return
        connection.received += received
        if END not in connection.received:
            return
        if not connection.received.startswith(REDIRECTED):
            self.refused += 1
            self._replace(connection)  # it may have a body; nobody wants it
            return
        self.answered += 1
        if connection.meant >= self._count_from:
            self.latencies.append(time.perf_counter() - connection.meant)
        connection.received = b""
        self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        if self.waiting:
            self._send(connection, self.waiting.popleft())
        else:
            self.free.append(connection)

    def _lost(self, connection: Connection) -> None:
        self.broken += 1
        self._replace(connection)

    def _replace(self, connection: Connection) -> None:
        del self._connections[connection.socket.fileno()]
        connection.socket.close()
        self._take_up(Connection(self._address))


def load(task: Task) -> Load:
    """Send for the task's time, and wait for the last answers."""
    sender = Sender(task, Path(task.requests).read_bytes().split(SEPARATOR))
    real_time = _hurry()
    began = time.perf_counter()
    sender.begin(began + task.warm)
    end = began + task.seconds
    if task.rate:
        _at_a_rate(sender, task.rate, began, end)
    else:
        _as_they_come(sender, end)
    took = time.perf_counter() - began
    while sender.in_flight and time.perf_counter() < end + PATIENCE_SECONDS:
        sender.receive(0.1)
    sender.broken += sender.in_flight
    found, lags = sorted(sender.latencies), sorted(sender.lags)
    return Load(
        sender.answered,
        sender.refused,
        sender.broken,
        took,
        p50=_quantile(found, 0.5),
        p99=_quantile(found, 0.99),
        p999=_quantile(found, 0.999),
        late=_quantile(lags, 0.99),
        real_time=real_time,
    )


def _at_a_rate(sender: Sender, rate: float, began: float, end: float) -> None:
    gap, number = 1 / rate, 0
    while (meant := began + number * gap) < end:
        wait = meant - time.perf_counter()
        if wait <= 0:
            sender.send(meant)
            number += 1
        if wait > 0 or number % 8 == 0:  # behind its time, it still has to look at answers
            sender.receive(max(0.0, wait))


def _as_they_come(sender: Sender, end: float) -> None:
    while (now := time.perf_counter()) < end:
        while sender.free:
            sender.send(now)
        sender.receive(0.1)


def _quantile(found: Sequence[float], share: float) -> float:
    return found[min(len(found) - 1, int(len(found) * share))] if found else 0.0


def _hurry() -> bool:
    """Let no timer be late, and go before whoever shares the core, where that is allowed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (OSError, AttributeError):
        return False
    return True


if __name__ == "__main__":
    print(msgspec.json.encode(load(msgspec.json.decode(sys.argv[1], type=Task))).decode())
