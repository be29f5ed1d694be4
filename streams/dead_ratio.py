"""The dead-letter ratio: a worker that can hardly decode anything is wrong itself, and stops."""

from collections import deque

WINDOW = 1_000
"""Records that the ratio looks back on; fewer say nothing yet."""


class TooManyDead(Exception):
    """More of the last records were undecodable than may be; nothing of this batch was written."""


class DeadRatio:
    """The share of undecodable records among the last ones, a batch at a time."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._batches: deque[tuple[int, int]] = deque()

    def observe(self, records: int, dead: int) -> None:
        """Take a batch into account before anything of it is written. Raises `TooManyDead`."""
        self._batches.append((records, dead))
        while sum(size for size, _ in self._batches) - self._batches[0][0] >= WINDOW:
            self._batches.popleft()
        seen, buried = (sum(column) for column in zip(*self._batches, strict=True))
        if seen >= WINDOW and buried > self._limit * seen:
            raise TooManyDead(
                f"{buried} of the last {seen} records can't be decoded, more than WEIR_DEAD_RATIO={self._limit} :"
                " is this worker older than the redirectors, or does something else write to the topic?"
            )
