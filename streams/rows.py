"""Rows: the columns that place a record in the log, and what is kept of one that can't be decoded."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from streams.batch import Records
from streams.decode import DeadLetter
from warehouse.columns import Coded, Column, Columns
from warehouse.events import Outcome


def log_columns(topic_id: UUID, partition: int, records: Records, batch_time: int) -> dict[str, Column]:
    """Where the records stand in the log; the fence is the ledger's to add. `batch_time` is in Unix seconds."""
    count = len(records)
    return {
        "topic_id": Coded.constant(topic_id, count),
        "kafka_partition": Coded.constant(partition, count),
        "kafka_offset": records.offsets,
        "edition": Coded.constant(0, count),
        "append_time": records.appended,
        "batch_time": Coded.constant(batch_time, count),
    }


KEPT_OF_THE_DEAD = (
    *("topic_id", "kafka_partition", "kafka_offset", "edition", "append_time", "batch_time"),
    *("src", "seq"),
)
"""Columns of a row that can't be stored as it is: where it stands in the log, and which number of its source it is."""


def dead_rows(columns: Columns) -> Columns:
    """The same rows as `dead`, with nothing in them that could be refused: ClickHouse's defaults take its place."""
    count = len(columns["kafka_offset"])
    kept = {name: columns[name] for name in KEPT_OF_THE_DEAD}
    return {
        **kept,
        "ts": columns["append_time"],
        "kind": Coded.constant("unknown", count),
        "outcome": Coded.constant(Outcome.DEAD, count),
    }


def dead_letter_columns(
    topic_id: UUID, partition: int, records: Records, dead: Mapping[int, DeadLetter], stage: str = "decode"
) -> Mapping[str, list[Any]]:
    """Rows of `dead_letters`, one a dead record; `stage` is the step that gave up."""
    indexes = list(dead)
    offsets, appended = records.offsets, records.appended
    sources = [records.source(index) for index in indexes]
    return {
        "topic_id": [topic_id] * len(indexes),
        "kafka_partition": [partition] * len(indexes),
        "kafka_offset": [int(offsets[index]) for index in indexes],
        "append_time": [int(appended[index]) for index in indexes],
        "stage": [stage] * len(indexes),
        "reason": [str(dead[index].reason) for index in indexes],
        "src": [src for src, _ in sources],
        "seq": [seq for _, seq in sources],
        "detail": [dead[index].detail for index in indexes],
        "payload": [dead[index].payload for index in indexes],
        "payload_size": [len(records.values[index] or b"") for index in indexes],
    }
