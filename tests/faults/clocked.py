"""A service of Weir's whose clock can be set, for the faults of clocks: `CLOCK=<file> python clocked.py run …`.

It is the process that `weir` runs, but for `time.time` and `time.time_ns`, which are ahead by the seconds that the file
holds at the moment. Kafka's client library has a clock of its own, which stays right.
"""

import os
import time
from pathlib import Path

LOOK_SECONDS = 0.05


class Clock:
    """The machine's clock and the seconds in a file."""

    def __init__(self, file: Path) -> None:
        self._file, self._real = file, time.time_ns
        self._ahead, self._next_look = 0, 0.0

    def time_ns(self) -> int:
        """Unix nanoseconds."""
        if time.monotonic() >= self._next_look and (text := self._file.read_text()):  # empty: it is just being written
            self._next_look = time.monotonic() + LOOK_SECONDS
            self._ahead = round(float(text) * 1e9)
        return self._real() + self._ahead

    def time(self) -> float:
        """Unix seconds."""
        return self.time_ns() / 1e9


def main() -> None:
    """Set the clock, and become `weir`."""
    clock = Clock(Path(os.environ["CLOCK"]))
    time.time_ns, time.time = clock.time_ns, clock.time
    from deploy.cli import main as weir

    weir()


if __name__ == "__main__":
    main()
