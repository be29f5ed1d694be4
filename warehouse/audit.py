"""The audit: the log against the ledger. Every offset that Kafka has given out must be one row, and every number that a
redirector says Kafka acknowledged must be one too.

It reads; it never mends. What it can't see: offsets that the log let go of before the first row of a partition, and
events of a redirector that never reported.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from warehouse.sql import load

Watermarks = Mapping[int, tuple[int, int]]
"""Partition → (first offset that the log has, the one after its last)."""


PARTITION_METRICS = {
    "rows": "Rows of the partition.",
    "missing": "Offsets below the last stored one that have no row.",
    "doubled": "Rows beyond one an offset.",
    "behind": "Records of the log that are not counted yet.",
}
"""Metric of the ledger, by its property of `PartitionAudit`, and what it means."""


@dataclasses.dataclass(frozen=True)
class PartitionAudit:
    """One partition: the log on one side, the rows on the other."""

    partition: int
    log_first: int
    log_end: int
    rows: int = 0
    distinct: int = 0
    first: int = 0
    last: int = -1
    outcomes: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def expected(self) -> int:
        """How many offsets there are from the first that is stored, or that the log has, to the last that is stored."""
        return self.last - min(self.first, self.log_first) + 1 if self.rows else 0

    @property
    def missing(self) -> int:
        """Offsets below the last stored one that have no row."""
        return self.expected - self.distinct

    @property
    def doubled(self) -> int:
        """Rows beyond one an offset."""
        return self.rows - self.distinct

    @property
    def behind(self) -> int:
        """Offsets of the log above the last stored one: not counted yet."""
        return self.log_end - (self.last + 1 if self.rows else self.log_first)

    @property
    def beyond(self) -> int:
        """Stored offsets that the log never gave out: another log has this one's id."""
        return max(0, -self.behind)

    @property
    def adds_up(self) -> bool:
        """No offset is missing, doubled or invented, and every row counts as one thing."""
        return not (self.missing or self.doubled or self.beyond) and sum(self.outcomes.values()) == self.rows


@dataclasses.dataclass(frozen=True)
class SourceAudit:
    """One redirector process: what it said against what is stored."""

    src: int
    mark: int
    """All its numbers up to this one were acknowledged by Kafka."""
    closed: bool
    """It said that `mark` was its last; while False its later numbers are not proven."""
    stored: int
    """Distinct numbers up to `mark` that have a row."""

    @property
    def missing(self) -> int:
        """Acknowledged numbers without a row."""
        return self.mark - self.stored


@dataclasses.dataclass(frozen=True)
class Audit:
    """The whole ledger at one moment."""

    partitions: Sequence[PartitionAudit]
    sources: Sequence[SourceAudit]

    @property
    def behind(self) -> int:
        """Records that are not counted yet."""
        return sum(max(0, partition.behind) for partition in self.partitions)

    @property
    def lost(self) -> int:
        """Numbers that a redirector says Kafka acknowledged, and that have no row."""
        return sum(source.missing for source in self.sources)

    @property
    def adds_up(self) -> bool:
        """Everything that was read was counted exactly once; while records are behind, a source's may be among them."""
        return all(partition.adds_up for partition in self.partitions) and (self.behind > 0 or not self.lost)


def audit(client: Client, topic_id: UUID, watermarks: Watermarks) -> Audit:
    """Compare the ledger of a topic with the log's watermarks, which must have been read before: rows only grow."""
    parameters = {"topic_id": str(topic_id)}
    stored = {row[0]: row[1:] for row in client.query(load("audit"), parameters=parameters).result_rows}
    sources = client.query(load("audit_sources"), parameters=parameters).result_rows
    return Audit(
        [
            PartitionAudit(number, *watermarks.get(number, (0, 0)), *stored.get(number, ()))
            for number in sorted(watermarks.keys() | stored.keys())
        ],
        [SourceAudit(src, mark, bool(closed), count) for src, mark, closed, count in sources],
    )


def as_dict(found: Audit) -> dict[str, Any]:
    """The audit as JSON has it, in every place that shows it."""
    return {
        "adds_up": found.adds_up,
        "behind": found.behind,
        "partitions": [
            {
                "partition": partition.partition,
                "log": [partition.log_first, partition.log_end],
                "stored": [partition.first, partition.last] if partition.rows else None,
                "rows": partition.rows,
                "missing": partition.missing,
                "doubled": partition.doubled,
                "behind": partition.behind,
                "outcomes": dict(partition.outcomes),
            }
            for partition in found.partitions
        ],
        "sources": [
            {"src": f"{source.src:010x}", "mark": source.mark, "closed": source.closed, "missing": source.missing}
            for source in found.sources
        ],
    }


def as_metrics(found: Audit) -> str:
    """The audit in Prometheus' text format, a gauge a number."""
    registry = CollectorRegistry()
    for name, help_text in PARTITION_METRICS.items():
        gauge = Gauge(f"weir_ledger_{name}", help_text, ["partition"], registry=registry)
        for partition in found.partitions:
            gauge.labels(partition.partition).set(getattr(partition, name))
    Gauge("weir_ledger_lost", "Acknowledged numbers of redirectors without a row.", registry=registry).set(found.lost)
    Gauge("weir_ledger_adds_up", "1: every offset is one row.", registry=registry).set(found.adds_up)
    return generate_latest(registry).decode()
