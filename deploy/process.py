"""One child process: started under the guardian, its output in a file, stopped within a time limit."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.guardian import Guardian

LOG_BYTES = 16 << 20
"""A log is turned over at this size; one old one is kept."""

POLL_SECONDS = 0.05


class Process:
    """A running program and its whole process group.

    Its output is appended to `log` by the child itself, so that nothing is lost when this process dies.
    """

    def __init__(
        self, command: tuple[str, ...], *, guardian: Guardian, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self._guardian = guardian
        turn_over(log)
        with log.open("ab") as output:
            self._start = output.tell()
            self._child = subprocess.Popen(  # noqa: S603 - no shell; the commands are ours
                guardian.wrap(command),
                env={**os.environ, **(env or {})},  # what a child inherits, not a setting that is read here
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(guardian.pipe,),
                process_group=0,
            )

    @property
    def pid(self) -> int:
        """Process id, and id of the process group."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, a signal as its negative number; None: it runs.

        Once the leader is dead the rest of its group is killed too, before the group's number can be used again.
        """
        if self._child.returncode is None and self._died():
            self._signal(signal.SIGKILL)
            self._guardian.forget(self.pid)
            self._child.wait()
        return self._child.returncode

    def _died(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def stop(self, seconds: float) -> bool:
        """Ask it to end (SIGTERM), kill the group when it has not within `seconds`; whether it ended by itself."""
        self.terminate()
        if self.wait(seconds):
            return True
        self._signal(signal.SIGKILL)
        self.wait(60)
        return False

    def terminate(self) -> None:
        """Ask it to end; only the leader is asked, which knows what to do with its own children."""
        if self.exit_code is None:
            self._child.terminate()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it came."""
        limit = time.monotonic() + seconds
        while self.exit_code is None and time.monotonic() < limit:
            time.sleep(POLL_SECONDS)
        return self.exit_code is not None

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def move_to(self, guardian: Guardian) -> None:
        """Leave it to another guardian, which has it on its list, since the old one is gone."""
        self._guardian = guardian

    def tail(self, lines: int = 15) -> str:
        """The last lines that this process wrote."""
        with self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(min(self._start, end), end - 16_384))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def turn_over(log: Path) -> None:
    """Keep a log that has grown as `NAME.1` and go on with an empty one.

    Copied and cut, since the child holds the file open (in append mode); a line written between the two is lost.
    """
    if not log.exists() or log.stat().st_size < LOG_BYTES:
        return
    old = log.with_name(log.name + ".1")
    old.unlink(missing_ok=True)
    with log.open("rb") as source, old.open("wb") as copy:
        while block := source.read(1 << 20):
            copy.write(block)
    os.truncate(log, 0)
