"""A batch: consecutive records of one partition as they were fetched, bytes untouched."""

import dataclasses
from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Record(Protocol):
    """What is read of a record; aiokafka's `DefaultRecord` is one."""

    offset: int
    timestamp: int
    """Milliseconds; when the broker appended it, since the topic says LogAppendTime."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def offsets_of(records: Sequence[Record]) -> NDArray[np.int64]:
    """Their offsets."""
    return np.fromiter(map(attrgetter("offset"), records), np.int64, len(records))


def timestamps_of(records: Sequence[Record]) -> NDArray[np.int64]:
    """When the broker appended each, Unix milliseconds."""
    return np.fromiter(map(attrgetter("timestamp"), records), np.int64, len(records))


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in the order of their offsets, at least one."""

    topic: str
    partition: int
    records: Sequence[Record]
    generation: int = 0
    """Generation of the consumer group in which it was read: another one means that partitions were handed out anew."""

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return self.records[0].offset

    @property
    def next(self) -> int:
        """The offset after the last record: what is committed once the batch is done."""
        return self.records[-1].offset + 1

    @property
    def size(self) -> int:
        """Bytes of all values, for budgets."""
        return sum(len(record.value or b"") for record in self.records)
