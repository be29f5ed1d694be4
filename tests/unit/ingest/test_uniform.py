"""Guessing by the clock: what is not there, what is off and what has not begun take the same time to be denied."""

import random
import time
from bisect import bisect_left, bisect_right
from itertools import combinations

from ingest.spool import Slot
from tests.unit.ingest.test_redirect import Asked

ROUNDS = 700
PATHS = {"unknown": "/non%04d", "off": "/off%04d", "early": "/ear%04d"}


TRIALS = 4
"""On a busy machine a trial goes astray now and then; a difference that is there is there in each of them."""


def test_what_is_denied_is_denied_in_the_same_time(slot: Slot) -> None:
    """CPU time of single answers, kinds in turn: how often one takes longer than another is as good as a coin."""
    asked = Asked(slot, misses_per_minute=0)
    for number in range(200):
        asked.add(f"off{number:04}", enabled=False, title="off" * 20)
        asked.add(f"ear{number:04}", starts_at=4_000_000_000_000)
    draw = random.Random(33)
    odds = [trial(asked, draw) for _ in range(TRIALS)]
    assert any(all(0.4 < chance < 0.6 for chance in found.values()) for found in odds), odds


def trial(asked: Asked, draw: random.Random) -> dict[tuple[str, str], float]:
    """How probable it is that one kind takes longer than another, by pairs of kinds."""
    taken: dict[str, list[int]] = {kind: [] for kind in PATHS}
    for _ in range(ROUNDS):
        for kind in draw.sample(list(PATHS), len(PATHS)):
            taken[kind].append(denied(asked, PATHS[kind] % draw.randrange(200)))
    return {(one, other): longer(taken[one], taken[other]) for one, other in combinations(PATHS, 2)}


def denied(asked: Asked, path: str) -> int:
    """Nanoseconds of CPU until the answer is made."""
    headers = [(b"host", b"localhost"), (b"user-agent", b"Mozilla/5.0"), (b"accept", b"*/*")]
    begin = time.thread_time_ns()
    reply = asked.redirect.reply("GET", path, path.encode(), b"", headers, "127.0.0.1")
    took = time.thread_time_ns() - begin
    assert reply.status == 404
    return took


def longer(one: list[int], other: list[int]) -> float:
    """How probable it is that one of these is longer than one of the others; ties count half."""
    others = sorted(other)
    return sum(bisect_left(others, time) + bisect_right(others, time) for time in one) / (2 * len(one) * len(others))
