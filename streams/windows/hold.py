"""The hold: a click is judged only when what came shortly after it has been seen.

What counts as shortly after is a matter of the log alone, so that a click is judged alike however often it is read: a
record follows within the hold while the log's clock stands less than `seconds` later and what lies between the
beginnings of the two takes less than `max_bytes`. A click is *closed* when no record to come can follow within it.

The log's clock at a record is the latest append time up to it, so it never runs backwards.
"""

import dataclasses
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from streams.batch import Offsets, Record, Records

RECORD_BYTES = 250
"""What a record takes in memory beside its value: its numbers (82, measured), and the row that is made of it."""


@dataclasses.dataclass(frozen=True)
class HoldLimit:
    """How far the hold of a click reaches."""

    seconds: float = 3.0
    """0: a click is judged as soon as it is read, by what came before it alone."""
    max_bytes: int = 2 << 20
    """Memory of records, the click's own among them, after which it ends in any case: what is held has to fit."""

    @property
    def millis(self) -> int:
        """The same in the log's unit."""
        return round(self.seconds * 1000)


@dataclasses.dataclass(frozen=True, slots=True)
class Stretch:
    """Where some consecutive records of one partition lie in its log, a column each."""

    offsets: Offsets
    appended: Offsets
    """When each was appended, Unix milliseconds."""
    clocks: Offsets
    """The log's clock, Unix milliseconds."""
    starts: Offsets
    """The first byte of each, counted from wherever reading began."""


class Hold:
    """The records that were read and are not judged yet, in order."""

    def __init__(self, limit: HoldLimit, clock: int = 0) -> None:
        """`clock` is the log's clock where reading begins."""
        self._limit = limit
        self._records = Records()
        self._clocks = array("q")
        self._starts = array("q")
        self._arrived = array("d")
        self._clock, self._end = clock, 0

    def __len__(self) -> int:
        return len(self._records)

    def put(self, records: Sequence[Record], arrived: float) -> int:
        """Take more records in, at least one, which arrived now, in seconds of a clock that only goes forward.

        Returns what memory they take.
        """
        count, before = len(records), len(self._records)
        self._records.extend(records)
        fresh = self._records[before:]
        stamps = np.maximum(fresh.appended, self._clock)
        sizes = [RECORD_BYTES + len(value) if value else RECORD_BYTES for value in fresh.values]
        ends = self._end + np.cumsum(sizes, dtype=np.int64)
        self._clocks.frombytes(np.maximum.accumulate(stamps).tobytes())
        self._starts.append(self._end)
        self._starts.frombytes(ends[:-1].tobytes())
        self._arrived.extend(array("d", [max(arrived, self._arrived[-1]) if self._arrived else arrived]) * count)
        size = int(ends[-1]) - self._end
        self._clock, self._end = self._clocks[-1], int(ends[-1])
        return size

    def closed(self, ended: float | None = None) -> int:
        """How many records, from the first on, are closed.

        By later records; and where Kafka said at `ended` (by the clock of `put`) that nothing came after what was read,
        those that had arrived a whole hold before. Only these may be judged otherwise when they are read again: with
        records that were appended within their hold and that Kafka had not shown by then.
        """
        if not self._records:
            return 0
        by_clock = bisect_right(self._clocks, self._clock - self._limit.millis)
        by_size = bisect_right(self._starts, self._end - self._limit.max_bytes)
        by_end = bisect_right(self._arrived, ended - self._limit.seconds) if ended is not None else 0
        return max(by_clock, by_size, by_end)

    @property
    def due(self) -> float:
        """When the first record may be closed though nothing follows, by the clock of `put`."""
        return self._arrived[0] + self._limit.seconds

    def reach(self, count: int) -> int:
        """How many records, from the first on, have to be looked at before the first `count` are judged."""
        by_clock = bisect_left(self._clocks, self._clocks[count - 1] + self._limit.millis)
        by_size = bisect_left(self._starts, self._starts[count - 1] + self._limit.max_bytes)
        return max(count, min(by_clock, by_size))

    def records(self, first: int, end: int) -> Records:
        """The records at these places."""
        return self._records[first:end]

    def stretch(self, first: int, end: int) -> Stretch:
        """Where the records at these places lie."""
        records = self._records[first:end]
        return Stretch(
            records.offsets,
            records.appended,
            np.array(self._clocks[first:end]),
            np.array(self._starts[first:end]),
        )

    def clock(self, count: int) -> int:
        """The log's clock at the last of the first records."""
        return self._clocks[count - 1]

    def size(self, count: int) -> int:
        """Memory that the first records take until they are stored, roughly."""
        end = self._starts[count] if count < len(self._starts) else self._end
        return end - self._starts[0]

    def drop(self, count: int) -> None:
        """Forget the first records: they are judged."""
        self._records.drop(count)
        del self._clocks[:count], self._starts[:count], self._arrived[:count]
