"""The audit itself. Every offset that Kafka has given out must be one row, and every number that a redirector says
Kafka acknowledged must have one too.

The whole ledger is read by the hour, from a projection. Only what came after the last good mark is read in full, with
bitmaps that no double can fool; and what is not as it should be is looked at closely, to be named. What can't be seen:
offsets that the log let go of before the first row of a partition, events of a redirector that never reported, and,
below the mark, a row that is gone where another of the same hour is doubled.
"""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from clickhouse_connect.driver.client import Client

from warehouse.audit.findings import Audit
from warehouse.audit.mark import Mark, SourceMark, last, newer
from warehouse.audit.partitions import audit_partitions, by_hour
from warehouse.audit.scan import Scan, Tail, Tell
from warehouse.audit.sources import audit_sources
from warehouse.retention.book import before

Watermarks = Mapping[int, tuple[int, int]]
"""Partition → (first offset that the log has, the one after its last)."""


def nobody(_done: int, _rows: int) -> None:
    """Tells nobody how far it is."""


def audit(
    client: Client, topic_id: UUID, watermarks: Watermarks, *, mark: Mark | None = None, tell: Tell = nobody
) -> Audit:
    """Compare the ledger of a topic with the log's watermarks, which must have been read before: rows only grow.

    With a mark it reads in full only what came after, and gives the same answer but for what the module says.
    """
    scan = Scan(client, topic_id, tell)
    taken_at = datetime.now(UTC)
    gone = before(client, topic_id)
    hours = [hour for hour in scan.hours() if hour.last >= gone.begins.get(hour.partition, 0)]
    watermarks = {
        number: (min(end, max(first, gone.begins.get(number, 0))), end) for number, (first, end) in watermarks.items()
    }
    next_offsets = {hour.partition: hour.last + 1 for hour in sorted(hours, key=lambda hour: hour.last)}
    mark = mark if mark and mark.holds(topic_id, next_offsets) else None
    tail = Tail.of(hours, mark.next if mark else {})
    scan.planned = 2 * tail.rows
    partitions = [
        dataclasses.replace(partition, dropped=gone.rows.get(partition.partition, 0))
        for partition in audit_partitions(scan, tail, hours, watermarks, mark)
    ]
    known_before: Mapping[int, SourceMark] = mark.sources if mark else {}
    if mark and not all(partition.adds_up for partition in partitions):
        # What the mark says of sources rests on rows of which some may be gone.
        known_before, tail = {}, Tail.of(hours, {})
        scan.planned = scan.done + tail.rows
    sources, known = audit_sources(scan, tail, known_before, gone.sources)
    found = Audit(
        partitions,
        sources,
        [one for partition in partitions for one in by_hour(partition, hours)],
        since=mark.taken_at if mark else None,
        taken_at=taken_at,
        read=scan.done,
    )
    proven = Mark(topic_id, taken_at, next_offsets, known)
    return dataclasses.replace(found, mark=proven) if found.adds_up else found


class Auditor:
    """Audits again and again, each time from the last good mark on: its own, or one that was stored meanwhile."""

    def __init__(self, *, full: bool = False) -> None:
        self._full = full
        self._own: Mark | None = None

    def audit(self, client: Client, topic_id: UUID, watermarks: Watermarks, tell: Tell = nobody) -> Audit:
        """As the function of this name; `full` ones begin at the beginning."""
        own = self._own if self._own and self._own.topic_id == topic_id else None
        mark = None if self._full else newer(own, last(client, topic_id))
        found = audit(client, topic_id, watermarks, mark=mark, tell=tell)
        self._own = found.mark or own
        return found
