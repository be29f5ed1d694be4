"""The parent of several processes, with children that do what a test wants; each parent is a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

PARENT = """
import os, signal, sys, time
import structlog
from ingest.workers import Workers

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

def child(number):
    {body}

sys.exit(Workers(2, child, stop_seconds={stop_seconds}).run())
"""
SLEEP = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); os.write(1, b'%d\\n' % number); time.sleep(60)"
WAIT_SECONDS = 20.0


class Parent:
    """A parent, and what its children print."""

    def __init__(self, body: str, stop_seconds: float = 10.0) -> None:
        code = PARENT.format(body=body, stop_seconds=stop_seconds)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def said(self, lines: int) -> list[str]:
        """The next lines of the children."""
        assert self.process.stdout is not None
        return [self.process.stdout.readline().strip() for _ in range(lines)]

    @property
    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit status after a signal."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode


@pytest.fixture
def start() -> Iterator[Callable[..., Parent]]:
    """Starts parents; none outlives the test, and so no child."""
    parents: list[Parent] = []

    def run(body: str, stop_seconds: float = 10.0) -> Parent:
        parents.append(Parent(body, stop_seconds))
        return parents[-1]

    yield run
    for parent in parents:
        parent.process.kill()
        parent.process.communicate()


def wait(is_so: Callable[[], bool]) -> None:
    limit = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < limit, "it did not come to pass"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_goes_on_to_the_children(number: signal.Signals, start: Callable[..., Parent]) -> None:
    parent = start(SLEEP)
    assert sorted(parent.said(2)) == ["0", "1"]
    children = parent.children
    assert parent.end(number) == 0
    assert not any(child.is_running() for child in children)


def test_a_child_that_dies_is_started_again_after_a_pause_and_the_other_lives_on(start: Callable[..., Parent]) -> None:
    parent = start(SLEEP)
    parent.said(2)
    first, second = parent.children
    began = time.monotonic()
    first.kill()
    assert len(parent.said(1)) == 1
    assert time.monotonic() - began >= 0.4
    wait(lambda: len(parent.children) == 2)
    assert second.pid in {child.pid for child in parent.children}
    assert parent.end() == 0


def test_children_stop_when_their_parent_is_killed(start: Callable[..., Parent]) -> None:
    parent = start(SLEEP)
    parent.said(2)
    children = parent.children
    parent.end(signal.SIGKILL)
    wait(lambda: not any(child.is_running() for child in children))


def test_settings_that_do_not_do_end_everything(start: Callable[..., Parent]) -> None:
    parent = start(f"number and sys.exit(os.EX_CONFIG); {SLEEP}")
    assert parent.wait() == os.EX_CONFIG


def test_a_child_that_does_not_stop_is_killed(start: Callable[..., Parent]) -> None:
    parent = start("signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'%d\\n' % number); time.sleep(60)", 0.5)
    parent.said(2)
    children = parent.children
    assert parent.end() == os.EX_TEMPFAIL
    assert not any(child.is_running() for child in children)


def test_a_child_that_fails_at_once_does_not_end_the_other(start: Callable[..., Parent]) -> None:
    parent = start(f"number and os._exit(3); {SLEEP}")
    assert parent.said(1) == ["0"]
    wait(lambda: len(parent.children) == 1)
    assert parent.process.poll() is None
    assert parent.end() in {0, 3}, "the other may be failing again just then"
