"""The guardian: no process of the stack outlives the stack, even one that was killed with -9.

It is a process of its own that reads a pipe. Each child writes its process group on the pipe before it becomes the
program that it is meant to be, so there is no moment at which a child runs unseen; the supervisor takes the group off
when it has seen the child die. The pipe ends only when every writer is gone: then whatever group is still on the list
has lost its supervisor, and is killed. Nothing here is particular to Linux, and a Java broker needs to know nothing.

This file is also the script that those two processes run, so it imports nothing of ours.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

PYTHON = (sys.executable, "-I", "-S", str(Path(__file__)))


class Guardian:
    """The supervisor's end of the pipe.

    `groups` run already, under a guardian that is gone: they stand on the pipe before the new one is there to be seen.
    """

    def __init__(self, groups: Iterable[int] = ()) -> None:
        reading, self._writing = os.pipe()
        for group in groups:
            self._say(f"+{group}\n")
        # A session of its own: Ctrl-C and a closed terminal are the supervisor's business.
        self._process = subprocess.Popen(  # noqa: S603 - this very file, no shell
            [*PYTHON, "watch", str(reading)], pass_fds=(reading,), stdin=subprocess.DEVNULL, start_new_session=True
        )
        os.close(reading)

    @property
    def alive(self) -> bool:
        """Whether it still watches."""
        return self._process.poll() is None

    @property
    def pipe(self) -> int:
        """The descriptor that a child inherits until it has put itself on the list."""
        return self._writing

    def wrap(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The command that puts itself on the list and then becomes `command`; to be run as a group's leader."""
        return (*PYTHON, "run", str(self._writing), *command)

    def forget(self, group: int) -> None:
        """Take a dead group off the list; its number may be used again."""
        self._say(f"-{group}\n")

    def _say(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # it was killed: `alive` says so
            os.write(self._writing, line.encode())

    def close(self) -> None:
        """Let it go; what is still on the list is killed. May be called twice."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1
        self._process.wait()


def watch(reading: int) -> None:
    """The guardian's life: keep the list until the pipe ends, then kill what is on it."""
    groups: set[int] = set()
    with os.fdopen(reading) as pipe:
        for line in pipe:
            change = groups.add if line[0] == "+" else groups.discard
            change(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def run(writing: int, command: list[str]) -> None:
    """A child's first moment: put its group on the list, let go of the pipe, become the command."""
    os.write(writing, f"+{os.getpid()}\n".encode())
    os.set_inheritable(writing, False)
    os.execvp(command[0], command)  # noqa: S606 - it is the point: no shell, same process


if __name__ == "__main__":
    if sys.argv[1] == "watch":
        watch(int(sys.argv[2]))
    else:
        run(int(sys.argv[2]), sys.argv[3:])
