"""Rows: what the redirector said, as columns of `events`, and the columns that place a record in the log."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ingest.events import RawClick
from streams.batch import Record
from streams.decode import DeadLetter, salt_day_number
from streams.enrich.enricher import Columns
from warehouse.events import RAW_COLUMNS, Outcome, Verdict


def raw_columns(clicks: Sequence[RawClick]) -> Columns:
    """`warehouse.events.RAW_COLUMNS` for the clicks, in ClickHouse's units: ids as integers, days since 1970."""
    rows = [
        (
            *(click.src, click.seq, click.mark, click.resent, click.ts),
            *(click.domain, click.path, click.status),
            *(_id(click.link_id), click.link_version, click.variant, click.destination),
            *(click.network, _id(click.address_id), _id(click.visitor_id)),
            *(salt_day_number(click.salt_day), click.salt_local, click.opted_out),
            *(click.user_agent, click.hints, click.referrer, click.language, click.purpose, click.query),
            *(click.position, click.position_of, click.slot),
            *(click.message, click.recipient, click.sent_at, click.channel, click.qr, click.trap),
        )
        for click in clicks
    ]
    return dict(zip(RAW_COLUMNS, map(list, zip(*rows, strict=True)), strict=True))


def log_columns(topic_id: UUID, partition: int, records: Sequence[Record], batch_time: int) -> Columns:
    """Where the records stand in the log; the fence is the ledger's to add. `batch_time` is in Unix seconds."""
    count = len(records)
    return {
        "topic_id": [topic_id] * count,
        "kafka_partition": [partition] * count,
        "kafka_offset": [record.offset for record in records],
        "edition": [0] * count,
        "append_time": [record.timestamp for record in records],
        "batch_time": [batch_time] * count,
    }


def bury(columns: Columns, dead: Mapping[int, DeadLetter]) -> None:
    """Mark the rows of undecodable records: they count as `dead` and as nothing else."""
    for index in dead:
        columns["kind"][index] = "unknown"
        columns["outcome"][index] = Outcome.DEAD
        columns["verdict"][index] = Verdict.NONE
        columns["score"][index] = 0
        columns["reasons"][index] = []


def dead_letter_columns(
    topic_id: UUID, partition: int, records: Sequence[Record], dead: Mapping[int, DeadLetter]
) -> Mapping[str, list[Any]]:
    """Rows of `dead_letters`, one an undecodable record."""
    indexes = list(dead)
    return {
        "topic_id": [topic_id] * len(indexes),
        "kafka_partition": [partition] * len(indexes),
        "kafka_offset": [records[index].offset for index in indexes],
        "append_time": [records[index].timestamp for index in indexes],
        "stage": ["decode"] * len(indexes),
        "reason": [str(dead[index].reason) for index in indexes],
        "detail": [dead[index].detail for index in indexes],
        "payload": [dead[index].payload for index in indexes],
        "payload_size": [len(records[index].value or b"") for index in indexes],
    }


def _id(digits: str) -> int:
    return int(digits, 16) if digits else 0
