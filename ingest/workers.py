"""Several processes on one port: a parent that only holds the socket, and children that accept from it.

A connection goes to whichever child is free, and one that waits in the socket's queue outlives any of them. A child
that dies is started again; the others do not notice. When the parent dies, however it dies, its children stop in order.
"""

import dataclasses
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import structlog

TICK_SECONDS = 0.1
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 10.0
"""Before a child that died is started again: longer each time, as long as it does not last."""
STEADY_SECONDS = 30.0
"""A child that lived this long did last."""

log = structlog.get_logger(__name__)


@dataclasses.dataclass
class Place:
    """One of the children, alive or to be started again."""

    number: int
    pid: int = 0
    """0: it does not run."""
    since: float = 0.0
    """When it was started."""
    due: float = 0.0
    """When it is to be."""
    failures: int = 0
    """Lives in a row that did not last."""


class Workers:
    """Children with numbers from 0, each of which is a call of `child(number)` in a process of its own.

    `stop_seconds`: how long a child may take to stop; then it is killed.
    """

    def __init__(self, count: int, child: Callable[[int], int], stop_seconds: float) -> None:
        self._places = [Place(number) for number in range(count)]
        self._child = child
        self._stop_seconds = stop_seconds
        self._stopping = False
        self._code = 0
        # Nothing is ever written to it: it ends when the last writer, this process, does.
        self._reading, self._writing = os.pipe()

    def run(self) -> int:
        """Keep all children alive until SIGTERM or SIGINT, which goes on to them; returns the exit status.

        That is 0 where all stopped in time; `EX_CONFIG` where one says that its settings do not do, and the others
        were stopped for it; `EX_TEMPFAIL` where one had to be killed. In a child it raises `SystemExit`, or what the
        child raises.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            self._start_due()
            time.sleep(TICK_SECONDS)
            self._reap()
        self._end()
        return self._code

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start_due(self) -> None:
        for place in self._places:
            if not place.pid and not self._stopping and time.monotonic() >= place.due:
                self._start(place)

    def _start(self, place: Place) -> None:
        place.since = time.monotonic()
        try:
            place.pid = os.fork()
        except OSError as error:
            log.error("A redirector process can't be started", number=place.number, error=error.strerror)
            self._plan(place)
            return
        if not place.pid:
            self._become(place.number)

    def _become(self, number: int) -> NoReturn:
        """A child's life. It goes on from here as if it had been started alone."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, signal.SIG_DFL)
        if self._stopping:  # the signal came before it could be told from the parent's
            sys.exit(0)
        os.close(self._writing)
        threading.Thread(target=_end_with_parent, args=(self._reading,), name="parent", daemon=True).start()
        sys.exit(self._child(number))

    def _reap(self) -> None:
        """Take note of the children that have ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            place = next(place for place in self._places if place.pid == pid)
            place.pid = 0
            self._ended(place, os.waitstatus_to_exitcode(status))

    def _ended(self, place: Place, code: int) -> None:
        if self._stopping:
            self._code = self._code or max(code, 0)
        elif code == os.EX_CONFIG:
            self._code, self._stopping = code, True
        else:
            pause = self._plan(place)
            log.warning(
                "A redirector process ended; another is started", number=place.number, code=code, pause=f"{pause:g} s"
            )

    def _plan(self, place: Place) -> float:
        """When it is started again; the pause until then, in seconds."""
        now = time.monotonic()
        place.failures = 0 if now - place.since >= STEADY_SECONDS else place.failures + 1
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** max(place.failures - 1, 0), LONGEST_PAUSE_SECONDS)
        place.due = now + pause
        return pause

    def _end(self) -> None:
        """Ask all children to stop, and wait until they have."""
        self._signal(signal.SIGTERM)
        limit = time.monotonic() + self._stop_seconds
        while any(place.pid for place in self._places):
            self._reap()
            if time.monotonic() >= limit:
                log.error("Redirector processes had to be killed; what they left in the spool is sent by the next")
                self._code = self._code or os.EX_TEMPFAIL
                self._signal(signal.SIGKILL)
                limit += self._stop_seconds
            time.sleep(TICK_SECONDS / 10)

    def _signal(self, number: signal.Signals) -> None:
        for place in self._places:
            if place.pid:
                os.kill(place.pid, number)


def _end_with_parent(reading: int) -> None:
    """Stop in order when the parent is gone: whoever comes next wants the port."""
    os.read(reading, 1)
    os.kill(os.getpid(), signal.SIGTERM)
