"""A batch: consecutive records of one partition as they were fetched; and what is kept of them until it is stored."""

import dataclasses
from array import array
from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.events import SEQ_BITS, SRC_BITS, told_numbers

Headers = Sequence[tuple[str, bytes]]
Offsets = NDArray[np.int64]


class Record(Protocol):
    """What is read of a record; aiokafka's `DefaultRecord` is one."""

    offset: int
    timestamp: int
    """Milliseconds; when the broker appended it, since the topic says LogAppendTime."""
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in the order of their offsets, at least one, bytes untouched."""

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


MAX_DIGITS = 20
"""Of a number in a header; what is longer is none of ours, and slow to read."""

VALUE, OFFSET, TIMESTAMP, HEADERS = (attrgetter(name) for name in ("value", "offset", "timestamp", "headers"))


class Records:
    """What is kept of consecutive records of one partition: a column each, two thirds of what the objects would take.

    Of the headers only the source's numbers are kept, of the key nothing: a value that can be read says the same.
    """

    __slots__ = ("_appended", "_offsets", "_seqs", "_srcs", "values")

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self._offsets, self._appended = array("q"), array("q")
        self._srcs, self._seqs = array("Q"), array("Q")

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Records":
        """Those of so many records."""
        made = cls()
        made.extend(records)
        return made

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, part: slice) -> "Records":
        made = Records()
        made.values = self.values[part]
        made._offsets, made._appended = self._offsets[part], self._appended[part]
        made._srcs, made._seqs = self._srcs[part], self._seqs[part]
        return made

    def extend(self, records: Sequence[Record]) -> None:
        """Take more in, at least one, in the order of their offsets, which mostly have no gaps."""
        self.values.extend(map(VALUE, records))
        first, after = records[0].offset, records[-1].offset + 1
        self._offsets.extend(range(first, after) if after - first == len(records) else map(OFFSET, records))
        self._appended.extend(map(TIMESTAMP, records))
        srcs, seqs = source_numbers(list(map(HEADERS, records)))
        self._srcs.extend(srcs)
        self._seqs.extend(seqs)

    def drop(self, count: int) -> None:
        """Forget the first ones."""
        del self.values[:count], self._offsets[:count], self._appended[:count], self._srcs[:count], self._seqs[:count]

    @property
    def offsets(self) -> Offsets:
        """Their offsets, a copy."""
        return np.array(self._offsets)

    @property
    def appended(self) -> Offsets:
        """When the broker appended each, Unix milliseconds; a copy."""
        return np.array(self._appended)

    def source(self, place: int) -> tuple[int, int]:
        """Start id of the process that made one, and its counter, by its headers or its first fields; 0: not told."""
        told = self._srcs[place], self._seqs[place]
        return told if all(told) else told_numbers(self.values[place])


def source_numbers(headers: Sequence[Headers]) -> tuple[Sequence[int], Sequence[int]]:
    """`src` and `seq` of the headers of at least one record; 0 where there is none, or what is no such number."""
    if not any(headers):
        return (none := [0] * len(headers)), none
    try:  # the usual form
        pairs = [(src, seq) for (first, src), (second, seq) in headers if first == "src" and second == "seq"]
    except ValueError:
        pairs = []
    if len(pairs) < len(headers):
        pairs = [(named.get("src") or b"", named.get("seq") or b"") for named in map(dict, headers)]
    srcs, seqs = zip(*pairs, strict=True)
    known = {text: _number(text, 1 << SRC_BITS) for text in set(srcs)}
    return [known[text] for text in srcs], _numbers(seqs, 1 << SEQ_BITS)


def _numbers(texts: Sequence[bytes], bound: int) -> Sequence[int]:
    """At once where all are numbers, since they differ from each other."""
    if all(map(bytes.isdigit, texts)) and max(map(len, texts)) <= MAX_DIGITS:
        numbers = list(map(int, texts))
        if max(numbers) < bound:
            return numbers
    return [_number(text, bound) for text in texts]


def _number(text: bytes, bound: int) -> int:
    number = int(text) if text.isdigit() and len(text) <= MAX_DIGITS else 0
    return number if number < bound else 0
