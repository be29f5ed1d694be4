"""Rows: what the redirector said, as columns of `events`, and the columns that place a record in the log."""

import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from ingest.events import RawClick
from streams.batch import Record
from streams.decode import DeadLetter, salt_day_number
from streams.enrich.enricher import Columns
from warehouse.events import RAW_COLUMNS, Outcome, Verdict

FIELDS = {
    "accept_language": "language",
    "message_id": "message",
    "recipient_id": "recipient",
    "asked_channel": "channel",
}
"""Columns that are not named as their field of the raw click is."""

PLACES = {name: RawClick.__struct_fields__.index(FIELDS.get(name, name)) for name in RAW_COLUMNS}
IDS = ("link_id", "address_id", "visitor_id")
NO_ID = "0" * 16


def raw_columns(clicks: Sequence[RawClick]) -> Columns:
    """`warehouse.events.RAW_COLUMNS` for the clicks, all turned from rows to columns at once, in C."""
    fields = list(zip(*map(msgspec.structs.astuple, clicks), strict=True))
    columns = {name: list(fields[place]) for name, place in PLACES.items()}
    ids = {name: id_numbers(columns[name]) for name in IDS}
    return {**columns, **ids, "salt_day": list(map(salt_day_number, columns["salt_day"]))}


def id_numbers(ids: Sequence[str]) -> list[int]:
    """Ids of 16 hexadecimal digits as 64-bit integers, an empty one as 0."""
    numbers = array("Q", bytes.fromhex("".join([digits or NO_ID for digits in ids])))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tolist()


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
