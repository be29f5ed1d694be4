"""Slots: the numbered directories of a spool, each owned by one process at a time."""

import contextlib
import fcntl
import os
from pathlib import Path

MAX_SLOTS = 1024


class SlotError(OSError):
    """There is no place for the spool; the message says why and what to do."""


class Slot:
    """A directory of the spool that is this process's own for as long as the lock is held."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    def release(self) -> None:
        """Let the next process have it."""
        os.close(self._lock)

    @property
    def partitions(self) -> int:
        """How many partitions the raw topic had when that was last written down; 0: never."""
        try:
            return int((self.path / "partitions").read_text())
        except (OSError, ValueError):
            return 0

    def keep_partitions(self, count: int) -> None:
        """Write that down; where it can't be, it is asked of Kafka again after the next start."""
        with contextlib.suppress(OSError):
            self._write(count)

    def _write(self, count: int) -> None:
        written = self.path / "partitions.new"
        written.write_text(f"{count}\n")
        written.replace(self.path / "partitions")


def take_slot(folder: Path) -> Slot:
    """The lowest slot that nobody holds; raises `SlotError`."""
    try:
        for number in range(MAX_SLOTS):
            path = folder / str(number)
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if slot := try_slot(path):
                return slot
    except OSError as error:
        raise SlotError(f"WEIR_SPOOL: {folder} can't be written ({error.strerror}); name a folder that can") from error
    raise SlotError(f"WEIR_SPOOL: all {MAX_SLOTS} slots of {folder} are taken; name another folder")


def try_slot(path: Path) -> Slot | None:
    """The slot at a path, None where another process holds it; raises `OSError`."""
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        os.close(lock)
        raise
    return Slot(path, lock)


def slots_of(folder: Path) -> list[Path]:
    """All slots of a spool, whoever holds them."""
    return sorted((path for path in folder.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
