"""The dead letters: records that could not be decoded or stored, as `dead_letters` keeps them."""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client

from warehouse.sql import load

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAGE = 500
"""Letters that are read at a time; each may have 64 KiB."""


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Which letters: all, or those of some steps and reasons, from a time on."""

    stages: Sequence[str] = ()
    reasons: Sequence[str] = ()
    since: datetime = EPOCH

    @property
    def parameters(self) -> dict[str, Any]:
        """As the SQL files name them."""
        since = round(self.since.timestamp() * 1000)
        return {"stages": list(self.stages), "reasons": list(self.reasons), "since": since}


@dataclasses.dataclass(frozen=True)
class Count:
    """The letters of one step and reason."""

    stage: str
    reason: str
    letters: int
    replayed: int
    first: datetime
    last: datetime


@dataclasses.dataclass(frozen=True)
class Letter:
    """One letter."""

    topic_id: UUID
    partition: int
    offset: int
    append_time: datetime
    stage: str
    reason: str
    detail: str
    src: int
    seq: int
    payload: bytes
    payload_size: int
    """Bytes that the record's value had."""
    replayed_at: datetime | None

    @property
    def place(self) -> tuple[UUID, int, int]:
        """Where the record stands in the log."""
        return self.topic_id, self.partition, self.offset


def counts(client: Client, chosen: Chosen) -> list[Count]:
    """By step and reason, the most first."""
    found = client.query(load("letter_counts"), parameters=chosen.parameters).result_rows
    return [Count(*row[:4], *map(_utc, row[4:])) for row in found]


def newest(client: Client, chosen: Chosen, limit: int) -> list[Letter]:
    """The last ones, the newest first."""
    parameters = chosen.parameters | {"limit": limit}
    return [_letter(row) for row in client.query(load("letters"), parameters=parameters).result_rows]


def waiting(client: Client, chosen: Chosen) -> Iterator[list[Letter]]:
    """Those that were not put back yet, page by page; what is put back meanwhile is no hindrance."""
    parameters = chosen.parameters | {"limit": PAGE, "topic_id": str(UUID(int=0)), "partition": -1, "offset": -1}
    while found := client.query(load("letters_waiting"), parameters=parameters).result_rows:
        page = [_letter(row) for row in found]
        yield page
        topic_id, partition, offset = page[-1].place
        parameters |= {"topic_id": str(topic_id), "partition": partition, "offset": offset}


def set_replayed(client: Client, letters: Sequence[Letter]) -> None:
    """Write down that these were put back."""
    if letters:
        client.command(load("letters_replayed"), parameters={"places": [letter.place for letter in letters]})


def _letter(row: Sequence[Any]) -> Letter:
    topic_id, partition, offset, at, *words, src, seq, payload, size, replayed = row
    stage, reason, detail = words
    replayed_at = None if _utc(replayed) == EPOCH else _utc(replayed)
    known = (_utc(at), stage, reason, detail, src, seq, bytes.fromhex(payload), size, replayed_at)
    return Letter(topic_id, partition, offset, *known)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
