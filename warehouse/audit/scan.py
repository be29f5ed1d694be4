"""What the audit reads of ClickHouse: hours from the projection, blocks of numbers from afar, some of them closely."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client

from warehouse.audit.spans import BLOCK, Run, Span
from warehouse.sql import load

CHUNK_ROWS = 5_000_000
"""Rows that one query reads from afar, or one day's where that has more."""
CLOSE_BLOCKS = 16
"""Blocks that one query looks at closely: a million numbers."""
ALL_DAYS = (date(1970, 1, 1), date(2106, 2, 7))

Days = tuple[date, date]
Tell = Callable[[int, int], None]
"""Rows that are read, of how many."""


@dataclasses.dataclass(frozen=True)
class Hour:
    """Rows of a partition whose records Kafka took within one hour and whose batches are of one day."""

    partition: int
    day: date
    hour: int
    """Its beginning, Unix seconds."""
    first: int
    last: int
    rows: int
    outcomes: Mapping[str, int]

    @property
    def span(self) -> Span:
        """Its offsets seen from afar; a double can hide a gap here."""
        return Span(self.first, self.last, self.rows)


@dataclasses.dataclass(frozen=True)
class Tail:
    """The rows that are read in full: of each partition those from some offset on, up to the last of its hours."""

    starts: Sequence[int]
    ends: Sequence[int]
    """By partition; inclusive, and below `starts` where there is nothing to read."""
    chunks: Sequence[tuple[Days, int]]
    """Days to read together, and how many rows they have."""

    @classmethod
    def of(cls, hours: Iterable[Hour], starts: Mapping[int, int]) -> "Tail":
        """The tail of the partitions, 0 where no start is given."""
        ends: dict[int, int] = {}
        days: dict[date, int] = defaultdict(int)
        wanted: set[date] = set()
        for hour in hours:
            ends[hour.partition] = max(ends.get(hour.partition, 0), hour.last)
            days[hour.day] += hour.rows
            if hour.last >= starts.get(hour.partition, 0):
                wanted.add(hour.day)
        size = max(ends, default=-1) + 1
        return cls(
            [starts.get(number, 0) if number in ends else 1 for number in range(size)],
            [ends.get(number, 0) for number in range(size)],
            list(_chunks(sorted(days.items()), wanted)),
        )

    @property
    def rows(self) -> int:
        """How many rows reading it once takes."""
        return sum(rows for _, rows in self.chunks)

    @property
    def days(self) -> Days:
        """From its first day to its last."""
        return (self.chunks[0][0][0], self.chunks[-1][0][1]) if self.chunks else ALL_DAYS


def _chunks(days: Iterable[tuple[date, int]], wanted: Collection[date]) -> Iterator[tuple[Days, int]]:
    first = last = None
    rows = 0
    for day, count in days:
        if first and last and (day not in wanted or rows + count > CHUNK_ROWS):
            yield (first, last), rows
            first, rows = None, 0
        if day in wanted:
            first, last, rows = first or day, day, rows + count
    if first and last:
        yield (first, last), rows


@dataclasses.dataclass
class Seen:
    """One redirector process in the rows that were read."""

    spans: list[Span] = dataclasses.field(default_factory=list)
    mark: int = 0
    closed: bool = False
    heard: int = 0
    """When Kafka took the last of its events, Unix seconds."""


class Scan:
    """Reads one topic's ledger."""

    def __init__(self, client: Client, topic_id: UUID, tell: Tell) -> None:
        self._client, self._topic, self._tell = client, {"topic_id": str(topic_id)}, tell
        self.done = 0
        """Rows read in full so far, each time that they were read."""
        self.planned = 0

    def hours(self) -> list[Hour]:
        """The whole ledger by partition and hour, in the order of offsets."""
        return [Hour(*row) for row in self._query("audit_hours", {})]

    def offsets(self, tail: Tail) -> Mapping[int, list[Span]]:
        """Partition → its offsets from afar, above the marks."""
        spans: dict[int, list[Span]] = defaultdict(list)
        for days in self._chunks(tail):
            for partition, *span in self._query("audit_offsets", _limits(tail, days)):
                spans[partition].append(Span(*span))
        return spans

    def offset_runs(self, tail: Tail, hours: Iterable[Hour], wanted: Iterable[tuple[int, int]]) -> dict[int, list[Run]]:
        """Partition → runs of offsets in the wanted (partition, block)s, whether above or below the marks."""
        runs: dict[int, list[Run]] = defaultdict(list)
        hours = tuple(hours)
        for some in _some(sorted(wanted, key=lambda place: place[::-1])):
            days = [h.day for h in hours if any(_within(h, place) for place in some)]
            parameters = {**_limits(tail, (min(days), max(days))), "blocks": some}
            for partition, first, last, times in self._query("audit_offset_runs", parameters):
                runs[partition].append(Run(first, last, times))
        return runs

    def sources(self, tail: Tail | None, srcs: Collection[int] = ()) -> Mapping[int, Seen]:
        """Source → its numbers from afar, in the tail, or in all rows of all topics; of some sources, or of all."""
        seen: dict[int, Seen] = defaultdict(Seen)
        for days in self._chunks(tail) if tail else (ALL_DAYS,):
            for src, *row in self._query("audit_sources", {**_limits(tail, days), "srcs": sorted(srcs)}):
                first, last, different, extra, counts, mark, closed, heard = row
                seen[src].spans.append(Span(first, last, different, extra, int(counts)))
                seen[src].mark = max(seen[src].mark, mark)
                seen[src].closed |= bool(closed)
                seen[src].heard = max(seen[src].heard, heard)
        return seen

    def source_runs(self, tail: Tail | None, wanted: Iterable[tuple[int, int]]) -> dict[int, list[Run]]:
        """Source → runs of numbers in the wanted (source, block)s; in the tail, or in all rows of all topics."""
        runs: dict[int, list[Run]] = defaultdict(list)
        for some in _some(sorted(wanted)):
            parameters = {**_limits(tail, tail.days if tail else ALL_DAYS), "blocks": some}
            parameters["srcs"] = sorted({src for src, _ in some})
            for src, first, last, times, at in self._query("audit_source_runs", parameters):
                runs[src].append(Run(first, last, times, at))
        return runs

    def _chunks(self, tail: Tail) -> Iterator[Days]:
        for days, rows in tail.chunks:
            yield days
            self.done += rows
            self._tell(self.done, max(self.done, self.planned))

    def _query(self, name: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        return self._client.query(load(name), parameters={**self._topic, "block": BLOCK, **parameters}).result_rows


def _limits(tail: Tail | None, days: Days) -> dict[str, Any]:
    return {
        "day_from": days[0],
        "day_to": days[1],
        "everywhere": tail is None,
        "starts": tail.starts if tail else [],
        "ends": tail.ends if tail else [],
    }


def _some(places: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    for start in range(0, len(places), CLOSE_BLOCKS):
        yield places[start : start + CLOSE_BLOCKS]


def _within(hour: Hour, place: tuple[int, int]) -> bool:
    partition, block = place
    return hour.partition == partition and hour.first // BLOCK <= block <= hour.last // BLOCK
