"""A virtual environment of its own for each peer that Weir does not depend on, from a lock file with hashes."""

import dataclasses
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The source tree; on the peers' `PYTHONPATH`, so that they run the same functions."""

LOCKS = Path(__file__).with_name("peers")


class Unavailable(Exception):
    """A peer that can't be installed here, and why."""


@dataclasses.dataclass(frozen=True)
class Peer:
    """What is installed for a contender."""

    lock: str
    """File in `benchmarks/peers`."""
    newest: tuple[int, int]
    """The newest Python that the peer has wheels for (as of 2026-11)."""


PEERS = {"quix": Peer("quix.txt", (3, 13)), "bytewax": Peer("bytewax.txt", (3, 12))}


def python_of(name: str, folder: Path, tell: Callable[[str], None]) -> str:
    """The Python of a peer's environment, made on first use and when its lock file has changed.

    Raises `Unavailable`.
    """
    peer = PEERS[name]
    lock, home = LOCKS / peer.lock, folder / name
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    python, stamp = home / "bin" / "python", home / "installed"
    if stamp.exists() and stamp.read_text() == digest:
        return str(python)
    tell(f"installing {name} (once)")
    shutil.rmtree(home, ignore_errors=True)
    _run(_interpreter(peer), "-m", "venv", str(home))
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes")
    _run(*pip, "-r", str(lock))
    stamp.write_text(digest)
    return str(python)


def version_of(python: str, distribution: str) -> str:
    """Version of a distribution in an environment."""
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    return _run(python, "-c", code).strip()


def _interpreter(peer: Peer) -> str:
    """A Python that the peer has wheels for: this one if it is not too new."""
    if sys.version_info[:2] <= peer.newest:
        return sys.executable
    for minor in range(peer.newest[1], 10, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    raise Unavailable(f"it has no wheels for Python {sys.version_info[0]}.{sys.version_info[1]}")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unavailable(said[-1] if said else f"{command[0]} ended with {done.returncode}")
    return done.stdout
