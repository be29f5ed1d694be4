"""The pulse: an engine is gone when it has not answered several times in a row, and busy is not gone."""

import itertools
import threading
from collections.abc import Callable, Iterable

from warehouse.embedded.errors import QueryError
from warehouse.embedded.pulse import LOOKS, Pulse

ABORTED = QueryError(236, "ABORTED", "The engine is shut down")
BUSY = QueryError(241, "MEMORY_LIMIT_EXCEEDED", "Memory limit")


def watch(answers: Iterable[Exception | None], enough: int = 1000) -> tuple[list[str], int]:
    """What the pulse says in the end of an engine with these answers, and how often it asked; `None` is an answer."""
    said: list[str] = []
    asked = itertools.count(1)
    last = 0
    queue = iter(answers)
    over = threading.Event()

    def ask() -> None:
        nonlocal last
        last = next(asked)
        if last >= enough:
            over.set()
        if (error := next(queue)) is not None:
            raise error

    run(ask, said, over)
    return said, last


def run(ask: Callable[[], object], said: list[str], over: threading.Event, patience: float = 5.0) -> None:
    def gone(reason: str) -> None:
        said.append(reason)
        over.set()

    pulse = Pulse(ask, gone, every=0.001, patience=patience)
    pulse.start()
    assert over.wait(10)
    pulse.stop()
    pulse.join(10)


def test_an_engine_that_fails_again_and_again_is_gone() -> None:
    assert watch([None, ABORTED, None, *[ABORTED] * LOOKS]) == (["The engine is shut down"], 3 + LOOKS)


def test_an_engine_that_is_busy_is_not() -> None:
    said, asked = watch(itertools.cycle([BUSY, BUSY, BUSY, None]), enough=50)
    assert not said
    assert asked >= 50


def test_an_engine_that_hangs_is_gone() -> None:
    said: list[str] = []
    release = threading.Event()
    run(release.wait, said, threading.Event(), patience=0.01)
    release.set()
    assert said == ["no answer within 0.01 s"]
