"""Keeps the stack's services running: start and wait, restart with back-off, stop in reverse order.

A service that fails at its first start is a mistake of the configuration and ends the start. One that dies later is
started again after a growing pause. Its exit code may say that what it needs is away (75, `EX_TEMPFAIL`): then for as
long as it takes; or that its settings do not do (78, `EX_CONFIG`): then never; otherwise until it never lasts.
"""

import dataclasses
import enum
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from deploy.guardian import Guardian
from deploy.process import Process, turn_over

TICK_SECONDS = 0.1


@dataclasses.dataclass(frozen=True)
class Service:
    """A program to be kept running."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    """Asked again and again after a start, until it is true; takes a second at most."""
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    start_seconds: float = 60.0
    """A service that is not ready by then has failed."""
    stop_seconds: float = 15.0
    """A service that runs longer after it was asked to end is killed."""
    restart: bool = True
    """False: its end is the end of the stack."""


class What(enum.StrEnum):
    """What the supervisor tells about a service."""

    STARTING = "starting"
    """With a detail: how far its preparations are."""
    WARNING = "warning"
    """Something about it that the user should know."""
    READY = "ready"
    DIED = "died"
    RESTARTING = "restarting"
    GAVE_UP = "gave up"
    STOPPING = "stopping"
    STOPPED = "stopped"
    KILLED = "killed"
    """It did not end when asked to."""


@dataclasses.dataclass(frozen=True)
class Notice:
    """One thing that happened to one service."""

    service: str
    what: What
    detail: str = ""


class Failed(click.ClickException):
    """A service that does not run and will not: the message has the reason and the end of its log."""


@dataclasses.dataclass
class Restarts:
    """When a service that died is started again: soon, then later and later; given up when it never lasts."""

    first_seconds: float = 0.5
    longest_seconds: float = 10.0
    steady_seconds: float = 30.0
    """Having run this long, a service starts with a clean record."""
    limit: int = 5
    """Starts in a row that did not last, after which it is given up; those that found something away do not count."""
    remind_seconds: float = 60.0
    """How often it is told that something is still away."""
    failures: int = 0
    faults: int = 0
    reminded: float | None = None

    def after(self, lived: float, code: int) -> float | None:
        """Seconds to wait after a life of `lived` seconds that ended with an exit code; None: give up."""
        if lived >= self.steady_seconds:
            self.failures = self.faults = 0
        self.failures += 1
        self.faults += code != os.EX_TEMPFAIL
        if code == os.EX_CONFIG or self.faults > self.limit:
            return None
        return min(self.first_seconds * 2.0 ** min(self.failures - 1, 30), self.longest_seconds)

    def is_news(self, code: int, now: float) -> bool:
        """Whether this end is to be told: not each of a service that waits for something, but one a minute."""
        if code == os.EX_TEMPFAIL and self.reminded is not None and now < self.reminded + self.remind_seconds:
            return False
        self.reminded = now if code == os.EX_TEMPFAIL else None
        return True


@dataclasses.dataclass
class Running:
    """A service's present process."""

    service: Service
    process: Process
    restarts: Restarts
    since: float
    ready: bool = False
    due: float | None = None
    """When to start it again; None: it is not waiting for that."""


class Supervisor:
    """Services in the order in which they were started; a thread watches those that have been ready once."""

    def __init__(
        self,
        logs: Path,
        tell: Callable[[Notice], None] = lambda _: None,
        restarts: Callable[[], Restarts] = Restarts,
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._tell = tell
        self._restarts = restarts
        self._guardian = Guardian()
        self._running: list[Running] = []
        self._watched: list[Running] = []
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self.failure: Failed | None = None
        self.failed = threading.Event()
        """Set when a service was given up; `failure` says why."""

    def start(self, *services: Service) -> None:
        """Start services side by side and return when all are ready. Raises `Failed`."""
        fresh = [self._launch(service) for service in services]
        waiting = list(fresh)
        while waiting:
            waiting = [running for running in waiting if not self._is_ready(running)]
            time.sleep(TICK_SECONDS if waiting else 0)
        self._watched = self._watched + fresh
        if not self._watcher.is_alive():
            self._watcher.start()

    def pids(self) -> dict[str, int]:
        """Process id of each service."""
        return {running.service.name: running.process.pid for running in self._running}

    def stop(self) -> None:
        """Stop all services, the last started first, each within its time limit. May be called twice."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        try:
            while self._running:
                self._stop(self._running[-1])
                self._running.pop()
        finally:
            self._guardian.close()  # an impatient Ctrl-C: what is left is killed

    def _stop(self, running: Running) -> None:
        name = running.service.name
        if running.process.exit_code is not None:
            return
        self._tell(Notice(name, What.STOPPING))
        gently = running.process.stop(running.service.stop_seconds)
        self._tell(
            Notice(name, What.STOPPED)
            if gently
            else Notice(name, What.KILLED, f"it had not ended {running.service.stop_seconds:g} s after it was asked to")
        )

    def _launch(self, service: Service) -> Running:
        self._tell(Notice(service.name, What.STARTING))
        running = Running(service, self._spawn(service), self._restarts(), time.monotonic())
        self._running.append(running)
        return running

    def _spawn(self, service: Service) -> Process:
        log = self._logs / f"{service.name}.log"
        return Process(service.command, guardian=self._guardian, log=log, env=service.env)

    def _is_ready(self, running: Running) -> bool:
        """Whether a first start has come to its end; raises `Failed`."""
        if reason := self._failed(running):
            raise self._failure(running, f"{running.service.name} did not start: {reason}")
        if running.service.ready():
            running.ready = True
            self._tell(Notice(running.service.name, What.READY, f"{time.monotonic() - running.since:.1f} s"))
        return running.ready

    def _failed(self, running: Running) -> str:
        """Why a process is of no use any more; empty: it is."""
        if (code := running.process.exit_code) is not None:
            return describe_exit(code)
        if not running.ready and time.monotonic() - running.since > running.service.start_seconds:
            running.process.stop(0)
            return f"not ready after {running.service.start_seconds:g} s"
        return ""

    def _failure(self, running: Running, reason: str) -> Failed:
        return Failed(f"{reason}.\nThe end of {running.process.log}:\n{running.process.tail()}")

    def _watch(self) -> None:
        while self.failure is None and not self._stopping.wait(TICK_SECONDS):
            try:
                self._look_at_all()
            except OSError as error:  # no more processes, descriptors or disk
                self.failure = Failed(f"The stack can't be watched over any more: {error}")
        if self.failure is not None:
            self.failed.set()

    def _look_at_all(self) -> None:
        if not self._guardian.alive:
            self._guard_again()
        for running in self._watched:
            self._look_at(running)

    def _guard_again(self) -> None:
        """Somebody killed the guardian: another takes the list over."""
        alive = [running.process.pid for running in self._running if running.process.exit_code is None]
        self._guardian = Guardian(alive)
        for running in self._running:
            running.process.move_to(self._guardian)

    def _look_at(self, running: Running) -> None:
        """One step of a service's life after its first start."""
        turn_over(running.process.log)
        if running.due is not None:
            if time.monotonic() >= running.due:
                self._start_again(running)
        elif reason := self._failed(running):
            self._plan_restart(running, reason)
        elif not running.ready and running.service.ready():
            running.ready, running.restarts.reminded = True, None
            self._tell(Notice(running.service.name, What.READY, "again"))

    def _plan_restart(self, running: Running, reason: str) -> None:
        name, now, restarts = running.service.name, time.monotonic(), running.restarts
        code = running.process.exit_code or 0
        pause = restarts.after(now - running.since, code) if running.service.restart else None
        if pause is None:
            times = f" {restarts.faults} times in a row" if restarts.faults > restarts.limit else ""
            self.failure = self._failure(running, f"{name} failed{times}: {reason}")
            self._tell(Notice(name, What.GAVE_UP, reason))
            return
        running.due = now + pause
        if restarts.is_news(code, now):
            again = f"{running.process.tail(1)}; trying again" if code == os.EX_TEMPFAIL else "starting it again"
            self._tell(Notice(name, What.DIED, f"{reason}; {again} in {pause:g} s"))

    def _start_again(self, running: Running) -> None:
        running.due, running.ready, running.since = None, False, time.monotonic()
        running.process = self._spawn(running.service)
        self._tell(Notice(running.service.name, What.RESTARTING))


EXIT_WORDS = {
    os.EX_TEMPFAIL: "what it needs is away",
    os.EX_CONFIG: "it can't work with its settings (exit code 78)",
}


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code in EXIT_WORDS:
        return EXIT_WORDS[code]
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"it ended with exit code {code}"
