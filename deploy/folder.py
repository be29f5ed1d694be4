"""The local stack's data folder: who has it, which ports it used, its passwords, and how to reach what runs from it."""

import contextlib
import fcntl
import json
import os
import secrets
import shlex
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from deploy import preflight

ENVIRONMENT = "env"
LOCK = "lock"
MEMORY = "stack.json"
SERVERS = frozenset({"WEIR_KAFKA", "WEIR_CLICKHOUSE", "WEIR_API"})
"""One of these set by the user: commands go where they say, and the local stack is left out."""

PLACES = frozenset({"WEIR_GEO_DIR", "WEIR_SIGNING_KEYS", "WEIR_LINK_ADDRESS"})
"""Set by the user, these hold beside a local stack too."""


class Folder:
    """The data folder of one stack."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    def take(self) -> None:
        """Make it if needed, and have it for this process alone; raises `Missing` where another stack has it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise preflight.Missing(
                f"The data folder {self.path} can't be used: {error.strerror}.", "Choose another with `--data DIR`."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(lock, 20).decode() or "another process"
            os.close(lock)
            raise preflight.Missing(
                f"A stack runs on {self.path} already (process {owner}).",
                "Stop that one, or choose another folder with `--data DIR`.",
            ) from None
        (self.path / ENVIRONMENT).unlink(missing_ok=True)  # of one that was killed
        os.truncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        self._lock = lock

    def release(self) -> None:
        """Give it back. May be called twice."""
        if self._lock is not None:
            (self.path / ENVIRONMENT).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def port(self, service: str, asked: int | None, friendly: int, taken: set[int]) -> int:
        """The port of a service: the one asked for (0: any free one); else that of last time, the friendly one, any.

        `taken` holds the ports given out in this start, and gets this one. Raises `Missing` where the one asked for
        is not free.
        """
        if asked and not preflight.port_is_free(asked):
            raise preflight.Missing(
                f"Port {asked} for the {service} is taken.",
                f"Choose another with `--{service}-port N` (0: any free one).",
            )
        wanted = [self._remembered(service), friendly] if asked is None else [asked]
        free = [port for port in wanted if port and port not in taken and preflight.port_is_free(port)]
        port = free[0] if free else preflight.free_port()
        taken.add(port)
        self._remember(**{f"{service}_port": port})
        return port

    def _remembered(self, service: str) -> int:
        return int(self._memory().get(f"{service}_port", 0))

    def password(self, name: str) -> str:
        """A password of this folder's: random, made once."""
        known = self._memory().get(f"{name}_password")
        if known:
            return str(known)
        fresh = secrets.token_urlsafe(24)
        self._remember(**{f"{name}_password": fresh})
        return fresh

    def _memory(self) -> dict[str, str | int]:
        with contextlib.suppress(FileNotFoundError):
            memory: dict[str, str | int] = json.loads((self.path / MEMORY).read_text())
            return memory
        return {}

    def _remember(self, **facts: str | int) -> None:
        write_private(self.path / MEMORY, json.dumps(self._memory() | facts, indent=2) + "\n")

    def publish(self, environment: Mapping[str, str]) -> None:
        """Say how to reach what runs, for `environment_of` and for `source`."""
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
        write_private(self.path / ENVIRONMENT, "".join(lines))


def environment_of(path: Path) -> dict[str, str]:
    """How to reach the stack that runs on this folder; empty where none does."""
    with contextlib.suppress(OSError):
        if not _is_taken(path / LOCK):
            return {}
        words = [shlex.split(line) for line in (path / ENVIRONMENT).read_text().splitlines()]
        return dict(assignment.split("=", 1) for _, assignment in words)
    return {}


def adopt(environ: MutableMapping[str, str], path: Path) -> None:
    """Let a command find the stack that runs on this folder, unless the environment names servers itself."""
    if not SERVERS & environ.keys():
        found = environment_of(path)
        environ.update({name: value for name, value in found.items() if name not in PLACES & environ.keys()})


def _is_taken(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
