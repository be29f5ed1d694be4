"""The audit's mark: what was proven, so that the next audit reads only the rows that came after.

A mark says of each partition up to which offset every offset was one row, and of each source which of its numbers had a
row by then. It is written by whoever may write and found that everything adds up (`weir audit`); readers use it.
"""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client

from warehouse.sql import load

MAX_AHEAD = 10_000
"""Ranges that are remembered of one source. What is forgotten is looked up when it is needed."""


@dataclasses.dataclass(frozen=True)
class SourceMark:
    """What is known of one redirector process."""

    complete: int = 0
    """All its numbers up to this one have a row."""
    ahead: tuple[range, ...] = ()
    """Further numbers that have one: a partition may be read later than another."""
    mark: int = 0
    """Its own word: all numbers up to this one were acknowledged by Kafka; 0: it said nothing yet."""
    closed: bool = False
    """It, or who took over what it left, said that `mark` was its last."""

    heard: int = 0
    """When Kafka took the last of its events, Unix seconds; 0: not known."""

    @property
    def known(self) -> list[range]:
        """All numbers that have a row."""
        return [range(1, self.complete + 1), *self.ahead]

    @property
    def last(self) -> int:
        """The highest of them; 0: there is none."""
        return self.known[-1].stop - 1


@dataclasses.dataclass(frozen=True)
class Mark:
    """What an audit has proven."""

    topic_id: UUID
    taken_at: datetime
    """When it had read the table, UTC."""
    next: Mapping[int, int]
    """Partition → all offsets below this one are one row each."""
    sources: Mapping[int, SourceMark]

    def holds(self, topic_id: UUID, next_offsets: Mapping[int, int]) -> bool:
        """Whether it speaks of this topic, and nothing that it has seen the end of ends earlier now."""
        return topic_id == self.topic_id and all(next_offsets.get(p, 0) >= offset for p, offset in self.next.items())


def last(client: Client, topic_id: UUID) -> Mark | None:
    """The last mark of a topic that was stored, if there is one."""
    found = client.query(load("audit_mark"), parameters={"topic_id": str(topic_id)}).result_rows
    if not found:
        return None
    taken_at, numbers, next_offsets, *sources = found[0]
    return Mark(
        topic_id,
        taken_at.replace(tzinfo=UTC),
        dict(zip(numbers, next_offsets, strict=True)),
        {
            src: SourceMark(complete, tuple(range(first, end + 1) for first, end in ahead), mark, bool(closed), heard)
            for src, complete, ahead, mark, closed, heard in zip(*sources, strict=True)
        },
    )


def store(client: Client, mark: Mark) -> None:
    """Write a mark down, in one row. Raises clickhouse-connect's `DatabaseError` where this user may not."""
    row: dict[str, Any] = {
        "topic_id": mark.topic_id,
        "taken_at": mark.taken_at,
        "partitions.number": list(mark.next.keys()),
        "partitions.next": list(mark.next.values()),
        "sources.src": list(mark.sources.keys()),
        "sources.complete": [source.complete for source in mark.sources.values()],
        "sources.ahead": [
            [(run.start, run.stop - 1) for run in source.ahead[:MAX_AHEAD]] for source in mark.sources.values()
        ],
        "sources.mark": [source.mark for source in mark.sources.values()],
        "sources.closed": [source.closed for source in mark.sources.values()],
        "sources.heard": [source.heard for source in mark.sources.values()],
    }
    client.insert("audit_marks", [list(row.values())], column_names=list(row), settings={"async_insert": 0})


def newer(one: Mark | None, other: Mark | None) -> Mark | None:
    """The one that was taken later."""
    return max((mark for mark in (one, other) if mark), key=lambda mark: mark.taken_at, default=None)
