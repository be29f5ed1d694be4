"""An audit for programs: JSON and Prometheus, the same wherever it is shown."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from warehouse.audit.findings import Audit, Double, Gap, HourAudit, PartitionAudit, SourceAudit

HOURS = 24
"""Of the latest hours that hold rows, so many are shown; those with something wrong always are."""
NAMED = 100
"""Gaps and doubles of a partition or a source that are named; their number is always whole."""

PARTITION_METRICS = {
    "rows": "Rows of the partition.",
    "missing": "Offsets below the last stored one that have no row.",
    "doubled": "Rows beyond one an offset.",
    "behind": "Records of the log that are not counted yet.",
    "proven": "Offsets below this one were proven by an earlier audit; only those above were read in full.",
}
"""Metric of the ledger, by its property of `PartitionAudit`, and what it means."""

METRICS = {
    "lost": "Acknowledged numbers of redirectors without a row.",
    "recounted": "Rows that count beyond one a redirector's number.",
    "adds_up": "1: every offset is one row, and no number of a redirector is lost or counts twice.",
}
"""Metric of the ledger, by its property of `Audit`, and what it means."""


def as_dict(found: Audit, hours: int = HOURS) -> dict[str, Any]:
    """The audit as JSON has it, with the latest hours."""
    return {
        "adds_up": found.adds_up,
        "behind": found.behind,
        "lost": found.lost,
        "recounted": found.recounted,
        "since": found.since.isoformat() if found.since else None,
        "rows_read": found.read,
        "partitions": [_partition(partition) for partition in found.partitions],
        "hours": [_by_hour(hour) for hour in latest(found.hours, hours)],
        "sources": [_source(source) for source in found.sources],
    }


def latest(hours: Sequence[HourAudit], count: int) -> Iterator[HourAudit]:
    """The hours of all partitions that are among the latest, or have something wrong, in order."""
    recent = set(sorted({hour.hour for hour in hours})[-count:] if count else ())
    yield from (hour for hour in hours if hour.hour in recent or hour.missing or hour.doubled)


def as_metrics(found: Audit) -> str:
    """The audit in Prometheus' text format, a gauge a number."""
    registry = CollectorRegistry()
    for name, help_text in PARTITION_METRICS.items():
        gauge = Gauge(f"weir_ledger_{name}", help_text, ["partition"], registry=registry)
        for partition in found.partitions:
            gauge.labels(partition.partition).set(getattr(partition, name))
    for name, help_text in METRICS.items():
        Gauge(f"weir_ledger_{name}", help_text, registry=registry).set(getattr(found, name))
    return generate_latest(registry).decode()


def as_text(hour: int | None) -> str | None:
    """An hour as ISO 8601 has it, in UTC."""
    return None if hour is None else f"{datetime.fromtimestamp(hour, UTC):%Y-%m-%dT%H:%MZ}"


def _partition(partition: PartitionAudit) -> dict[str, Any]:
    return {
        "partition": partition.partition,
        "log": [partition.log_first, partition.log_end],
        "stored": [partition.first, partition.last] if partition.rows else None,
        "proven": partition.proven,
        "rows": partition.rows,
        "missing": partition.missing,
        "doubled": partition.doubled,
        "behind": partition.behind,
        "outcomes": dict(partition.outcomes),
        "gaps": _named(partition.gaps),
        "doubles": _named(partition.doubles),
    }


def _by_hour(hour: HourAudit) -> dict[str, Any]:
    return {
        "partition": hour.partition,
        "hour": as_text(hour.hour),
        "stored": [hour.first, hour.last],
        "rows": hour.rows,
        "missing": hour.missing,
        "doubled": hour.doubled,
        "outcomes": dict(hour.outcomes),
    }


def _source(source: SourceAudit) -> dict[str, Any]:
    return {
        "src": f"{source.src:010x}",
        "mark": source.mark,
        "closed": source.closed,
        "missing": source.missing,
        "doubled": source.doubled,
        "gaps": _named(source.gaps),
        "doubles": _named(source.doubles),
    }


def _named(found: Iterable[Gap | Double]) -> list[dict[str, Any]]:
    return [{**one._asdict(), "hour": as_text(one.hour)} for one in list(found)[:NAMED]]
