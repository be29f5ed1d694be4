"""The book of what was dropped: where each partition's ledger begins, and which numbers had a row before that."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client

from warehouse.audit.mark import SourceMark
from warehouse.audit.spans import union
from warehouse.sql import load


@dataclasses.dataclass(frozen=True)
class Dropped:
    """One month of records that is gone."""

    month: int
    """As 202611."""
    dropped_at: datetime
    rows: int
    places: Sequence[tuple[UUID, int, int, int]]
    """Topic, partition, offset at which its ledger begins since then, rows."""
    sources: Mapping[int, SourceMark]


@dataclasses.dataclass(frozen=True)
class Before:
    """All that was dropped before what is stored, as the audit of one topic needs it."""

    begins: Mapping[int, int] = dataclasses.field(default_factory=dict)
    """Partition → the offset at which its ledger begins."""
    rows: Mapping[int, int] = dataclasses.field(default_factory=dict)
    """Partition → rows that were dropped."""
    sources: Mapping[int, SourceMark] = dataclasses.field(default_factory=dict)
    """Of all topics."""


def dropped(client: Client) -> list[Dropped]:
    """What was dropped, the earliest month first."""
    return [_dropped(row) for row in client.query(load("dropped")).result_rows]


def before(client: Client, topic_id: UUID) -> Before:
    """All that was dropped, put together."""
    begins: dict[int, int] = {}
    rows: dict[int, int] = {}
    sources: dict[int, SourceMark] = {}
    for month in dropped(client):
        for topic, number, until, count in month.places:
            if topic == topic_id:
                begins[number] = max(begins.get(number, 0), until)
                rows[number] = rows.get(number, 0) + count
        for src, mark in month.sources.items():
            sources[src] = joined(sources.get(src, SourceMark()), mark)
    return Before(begins, rows, sources)


def joined(one: SourceMark, other: SourceMark) -> SourceMark:
    """What is known of a process from both."""
    return known_as(
        union([*one.known, *other.known]),
        mark=max(one.mark, other.mark),
        closed=one.closed or other.closed,
        heard=max(one.heard, other.heard),
    )


def known_as(numbers: Sequence[range], **said: Any) -> SourceMark:  # noqa: ANN401  # the fields of `SourceMark`
    """A mark of these numbers, which are in order and as few ranges as may be."""
    begun = numbers[0].stop - 1 if numbers and numbers[0].start == 1 else 0
    return SourceMark(complete=begun, ahead=tuple(numbers[1:] if begun else numbers), **said)


def _dropped(row: Sequence[Any]) -> Dropped:
    month, at, rows, topics, numbers, untils, counts, *sources = row
    marks = {
        src: known_as(
            union(range(first, last + 1) for first, last in runs), mark=mark, closed=bool(closed), heard=heard
        )
        for src, runs, mark, closed, heard in zip(*sources, strict=True)
    }
    places = list(zip(topics, numbers, untils, counts, strict=True))
    return Dropped(month, at.replace(tzinfo=UTC), rows, places, marks)
