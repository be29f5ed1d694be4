"""Rows of `events` for tests: written through the fence as a worker does, and counted by plain Python."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from warehouse.client import connect
from warehouse.settings import WarehouseSettings

TOPIC = UUID("0192d3a0-0000-7000-8000-000000000001")
FENCE = 7
Row = dict[str, Any]

OUTCOMES = ("human", "suspect", "bot", "prefetch", "repeat", "duplicate", "orphan", "expired", "disabled")
CHANNELS = ("Email", "Direct", "Paid Search", "", "it's \\ {odd:String}\t%s")


def make_rows(count: int, *, seed: int, start: datetime, span: timedelta) -> list[Row]:
    """Clicks spread over a span of time, of all outcomes, with some of every dimension's kind of value."""
    chance = random.Random(seed)
    return [_row(chance, offset, start + span * chance.random()) for offset in range(count)]


def _row(chance: random.Random, offset: int, ts: datetime) -> Row:
    outcome = chance.choices(OUTCOMES, (60, 10, 8, 4, 6, 2, 4, 3, 3))[0]
    ts = ts.replace(microsecond=ts.microsecond // 1000 * 1000)
    return {
        "topic_id": TOPIC,
        "kafka_partition": 0,
        "kafka_offset": offset,
        "edition": 0,
        "append_time": ts,
        "batch_time": datetime(2026, 11, 22, tzinfo=UTC),
        "fence": FENCE,
        "kind": outcome if outcome in {"orphan", "expired", "disabled"} else "click",
        "outcome": outcome,
        "verdict": {"human": "human", "suspect": "suspect", "bot": "bot", "prefetch": "prefetch"}.get(outcome, "none"),
        "ts": ts,
        "domain": "go.example",
        "path": chance.choice(("/sale", "/Sale/ÄÖ", "/help?x")),
        "link_id": chance.choice((1, 2, 0xFFFF_0000_0000_0001)),
        "visitor_id": chance.choice((0, *range(1, 40))),
        "salt_day": ts.date(),
        "position": chance.choice((0, 1, 2, 10)),
        "placement": chance.choice(("unknown", "1st 20%")),
        "device": chance.choice(("other", "mobile", "desktop")),
        "country": chance.choice(("CH", "NP", "")),
        "channel": chance.choice(CHANNELS),
    }


def insert(settings: WarehouseSettings, rows: Sequence[Row]) -> None:
    """Fence the partition, then write the rows."""
    with connect(settings) as client:
        client.command(f"INSERT INTO fences VALUES ('{TOPIC}', 0, {FENCE})")
        columns = list(rows[0])
        client.insert("events", [[row[name] for name in columns] for row in rows], column_names=columns)


def clicks(rows: Iterable[Row]) -> int:
    """What counts as a click."""
    return sum(row["outcome"] in {"human", "suspect"} for row in rows)


def visitors(rows: Iterable[Row]) -> int:
    """Visitors by salt day."""
    seen: set[tuple[date, int]] = {
        (row["salt_day"], row["visitor_id"])
        for row in rows
        if row["outcome"] in {"human", "suspect"} and row["visitor_id"]
    }
    return len(seen)
