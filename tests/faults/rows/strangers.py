"""Strangers at the redirectors' door while clicks go on: a thousand slow ones, and one who guesses."""

import asyncio
import socket
import time

from deploy.preflight import HOST
from tests.faults.rows.redirector import SLOW_SECONDS, SLOWER, baseline
from tests.faults.stage import Missed, Stage
from tests.fixtures.slow import closed_after

STRANGERS = 1000
PATIENCE_SECONDS, SWEEP_SECONDS = 10.0, 5.0
"""The redirector's, as it is set by itself; and what its look at all connections adds on a busy machine."""

GUESSES = 100_000
AT_A_TIME = 100
PER_MINUTE = 120
"""Guesses that a network has, as it is set by itself."""


def slow(stage: Stage) -> None:
    """A thousand slow clients: they say nothing, half a head, a body that does not come, a byte now and then.

    Each is closed within the deadline; redirects go on, about as fast as before.
    """
    before, began = baseline(stage), time.monotonic()
    addresses = [(HOST, redirector.port) for redirector in stage.redirectors.services]
    closed = asyncio.run(closed_after(addresses, STRANGERS, limit=3 * PATIENCE_SECONDS))
    meanwhile = stage.clients.since(began)
    stage.note(f"{len(closed)} are closed after {min(closed):.1f} to {max(closed):.1f} s; {meanwhile}")
    stage.note(f"before: {before}")
    if max(closed) > PATIENCE_SECONDS + SWEEP_SECONDS:
        raise Missed(f"a slow client was closed after {max(closed):.1f} s")
    if set(meanwhile.kinds) != {"promised"}:
        raise Missed(f"redirects were affected: {meanwhile}")
    if meanwhile.p99 > max(SLOWER * before.p99, SLOW_SECONDS):
        raise Missed(f"redirects became slow: p99 {meanwhile.p99:.3f} s, {before.p99:.3f} s before")


def guessing(stage: Stage) -> None:
    """A hundred thousand guesses at slugs, from one network, to one redirector.

    Beyond the limit they are answered with 429; redirects go on, also those of clicks from the guesser's own network.
    """
    before, began = baseline(stage), time.monotonic()
    redirector = stage.random.choice(stage.redirectors.services)
    statuses = _guess(redirector.port)
    took = time.monotonic() - began
    meanwhile = stage.clients.since(began)
    found = statuses.count(b"404")
    stage.note(f"{len(statuses)} guesses in {took:.1f} s, {found} of them answered; {meanwhile}; before: {before}")
    if statuses.count(b"429") + found != GUESSES or not PER_MINUTE <= found <= PER_MINUTE + 1 + took * PER_MINUTE / 60:
        raise Missed(f"{found} of {len(statuses)} guesses were answered")
    if set(meanwhile.kinds) != {"promised"}:
        raise Missed(f"redirects were affected: {meanwhile}")


def _guess(port: int) -> list[bytes]:
    """The statuses of all guesses; they come from a network of the clicks'."""
    statuses: list[bytes] = []
    with socket.create_connection((HOST, port), timeout=60) as connection, connection.makefile("rb") as answers:
        for begin in range(0, GUESSES, AT_A_TIME):
            guesses = (
                b"GET /guess-%d HTTP/1.1\r\nX-Forwarded-For: 10.7.1.1\r\n\r\n" % number
                for number in range(begin, begin + AT_A_TIME)
            )
            connection.sendall(b"".join(guesses))
            for _ in range(AT_A_TIME):
                statuses.append(answers.readline()[9:12])
                length = 0
                while (line := answers.readline()) != b"\r\n":
                    name, _, value = line.partition(b":")
                    length = int(value) if name == b"content-length" else length
                answers.read(length)
    return statuses
