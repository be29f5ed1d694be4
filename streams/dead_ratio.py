"""The dead-letter ratio: a worker that can hardly decode or store anything is wrong itself, and stops."""

from collections import deque

DECODED = "decoded: is this worker older than the redirectors, or does something else write to the topic?"
STORED = "stored: has `events` a constraint or a column that refuses them, or does an enricher of yours err?"

WINDOW = 1_000
"""Records that the ratio looks back on; fewer say nothing yet."""
WINDOW_OF_STORED = 100
"""The same for storing: each row that can't be is found by a dozen inserts, and is written as dead when it is found."""


class TooManyDead(Exception):
    """More of the last records were dead than may be; nothing of what was observed last was written."""


class DeadRatio:
    """The share of dead records among the last ones, a batch at a time; `what` can't be done with them, and why not."""

    def __init__(self, limit: float, what: str = DECODED, window: int = WINDOW) -> None:
        self._limit, self._what, self._window = limit, what, window
        self._batches: deque[tuple[int, int]] = deque()

    def observe(self, records: int, dead: int) -> None:
        """Take a batch into account before anything of it is written. Raises `TooManyDead`."""
        self._batches.append((records, dead))
        while sum(size for size, _ in self._batches) - self._batches[0][0] >= self._window:
            self._batches.popleft()
        seen, buried = (sum(column) for column in zip(*self._batches, strict=True))
        if seen >= self._window and buried > self._limit * seen:
            raise TooManyDead(
                f"{buried} of the last {seen} records can't be {self._what} (more than WEIR_DEAD_RATIO={self._limit})"
            )
