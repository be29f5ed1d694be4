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
    "dropped": "Rows that retention dropped.",
    "missing": "Offsets below the last stored one that have no row.",
    "doubled": "Rows beyond one an offset.",
    "behind": "Records of the log that are not counted yet.",
    "proven": "Offsets below this one were proven by an earlier audit; only those above were read in full.",
}
"""Metric of the ledger, by its property of `PartitionAudit`, and what it means."""

METRICS = {
    "lost": "Numbers of redirectors that must have a row and have none.",
    "recounted": "Rows that count beyond one a redirector's number.",
    "unproven": "Redirector starts without a close, or whose spool lost its end: what came after is not proven.",
    "silent": "Those of them that were not heard of for a minute: dead ones, whose spool nobody has taken over.",
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
        "unproven": len(found.unproven),
        "silent": len(found.silent),
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
        value = getattr(found, name)
        gauge = Gauge(f"weir_ledger_{name}", help_text, registry=registry)
        gauge.set(value if isinstance(value, int) else len(value))
    return generate_latest(registry).decode()


def as_text(at: int | None) -> str | None:
    """A time (Unix seconds) as ISO 8601 has it, in UTC, to the minute."""
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%MZ}"


def _partition(partition: PartitionAudit) -> dict[str, Any]:
    return {
        "partition": partition.partition,
        "log": [partition.log_first, partition.log_end],
        "stored": [partition.first, partition.last] if partition.rows else None,
        "proven": partition.proven,
        "rows": partition.rows,
        "dropped": partition.dropped,
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
        "state": source.state,
        "last": source.last,
        "heard": as_text(source.heard),
        "missing": source.missing,
        "doubled": source.doubled,
        "gaps": _named(source.gaps),
        "doubles": _named(source.doubles),
    }


def _named(found: Iterable[Gap | Double]) -> list[dict[str, Any]]:
    return [{**one._asdict(), "hour": as_text(one.hour)} for one in list(found)[:NAMED]]
