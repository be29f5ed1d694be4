"""Services under supervision: a process that ends is started again, as `weir up` and every deployment do."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import psutil

from deploy.guardian import Guardian
from deploy.preflight import HOST, free_port
from deploy.process import Process

WEIR = Path(sys.executable).with_name("weir")
TICK_SECONDS = 0.1
RESTART_SECONDS = 0.3


class Service:
    """One service and its lives. The last word of its `command` is its name in the settings."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        guardian: Guardian,
        folder: Path,
    ) -> None:
        self.name = name
        self.port = free_port()
        self.log = folder / f"{name}.log"
        self._command = command
        self._environment = {**environment, f"WEIR_{command[-1].upper()}_PORT": str(self.port)}
        self._next_life: Mapping[str, str] = {}
        self._guardian = guardian
        self.exits: list[int] = []
        """How its former processes ended; a signal is negative."""
        self.supervised = True
        """False: it is left as it is when it ends."""
        self._start()

    def _start(self) -> None:
        environment = {**self._environment, **self._next_life}
        self._next_life = {}
        self.process = Process(tuple(self._command), guardian=self._guardian, log=self.log, env=environment)

    def arm(self, failpoint: str) -> None:
        """Its next process dies at the failpoint."""
        self._next_life = {"WEIR_FAILPOINT": failpoint}

    def change(self, settings: Mapping[str, str]) -> None:
        """Its next processes have these settings, as `WEIR_…`."""
        self._environment |= settings

    def look(self) -> None:
        """Start it again where it has ended."""
        if self.supervised and (code := self.process.exit_code) is not None:
            self.exits.append(code)
            time.sleep(RESTART_SECONDS)
            self._start()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, where it runs."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    @property
    def children(self) -> list[int]:
        """Process ids of its children, where it is the parent of several."""
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in psutil.Process(self.process.pid).children()]
        return []

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)

    def stop(self, seconds: float) -> int | None:
        """SIGTERM, and no new start; its exit code, None where it had to be killed."""
        self.supervised = False
        return self.process.exit_code if self.process.stop(seconds) else None

    def start(self) -> None:
        """Start it after `stop`."""
        self._start()
        self.supervised = True

    @property
    def ready(self) -> bool:
        """Whether it does its work; a worker has its partitions and reads them."""
        try:
            return httpx.get(f"http://{HOST}:{self.port}/-/ready", timeout=1, verify=False).status_code == 200
        except httpx.HTTPError:
            return False

    def metric(self, name: str) -> float:
        """The sum of a metric's values; 0 where it has none. Raises `httpx.HTTPError`."""
        shown = httpx.get(f"http://{HOST}:{self.port}/-/metrics", timeout=5, verify=False).text
        found = [line for line in shown.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    @property
    def anonymous_bytes(self) -> int:
        """Memory of its own: what is resident and shared with nobody."""
        with contextlib.suppress(psutil.Error):
            memory = psutil.Process(self.process.pid).memory_info()
            return int(memory.rss - memory.shared)
        return 0

    @property
    def open_files(self) -> int:
        """Descriptors that it holds."""
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(self.process.pid).num_fds())
        return 0


class Crew:
    """The services of a run that are alike, and the thread that starts them again. `command` runs one of them."""

    def __init__(self, guardian: Guardian, *command: str) -> None:
        self._guardian, self._command = guardian, command
        self.services: list[Service] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="crew", daemon=True)
        self._thread.start()

    def hire(self, environment: Mapping[str, str], folder: Path) -> Service:
        """One more of them."""
        name = f"{self._command[-1]}-{len(self.services) + 1}"
        service = Service(name, self._command, environment, self._guardian, folder)
        self.services.append(service)
        return service

    def _watch(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            for service in list(self.services):
                service.look()

    def stop(self) -> None:
        """End all of them."""
        self._stopping.set()
        self._thread.join()
        for service in self.services:
            service.signal(signal.SIGCONT)
            service.kill()
            service.process.wait(10)
