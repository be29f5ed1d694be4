"""A disk that can be full: a small tmpfs, whose size is changed while it is in use (needs root)."""

import contextlib
import os
import subprocess
from pathlib import Path

ROOMY = 2 << 30
"""Bytes; more than `preflight.disk` asks for. A tmpfs takes memory only for what is written."""
ATTEMPTS = 100


class SmallDisk:
    """A mounted tmpfs with room, until it is filled."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._mount("mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs")

    @property
    def used(self) -> int:
        """Bytes in use."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def fill(self, left: int = 0) -> None:
        """Leave so many bytes, or a few less: somebody may write meanwhile."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(subprocess.CalledProcessError):  # no disk gets smaller than what is on it
                self._resize(self.used + left)
                return
        raise TimeoutError(f"{self.folder} can't be filled: somebody writes to it all the time")

    def empty(self) -> None:
        """Make room again."""
        self._resize(ROOMY)

    def unmount(self) -> None:
        """Let it go, with all that is on it; whoever still has a file of it open may keep that."""
        self._mount("umount", "--lazy")

    def _resize(self, size: int) -> None:
        self._mount("mount", "-o", f"remount,size={max(size, 1 << 16)}")

    def _mount(self, *command: str) -> None:
        subprocess.run([*command, str(self.folder)], check=True, capture_output=True)
