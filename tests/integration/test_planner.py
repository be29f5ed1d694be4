"""Every plan against the scan of the records: random clicks, states of the rollups, questions, zones and switches."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from clickhouse_connect.driver.client import Client

from api.metrics import METRICS
from api.query.build import build
from api.query.execute import Executor
from api.query.parse import Question, parse
from api.query.plan import Plan, plan, span_of
from api.query.rollups import NO_LAYERS, Rollups
from api.query.run import Warehouse
from api.query.statement import Statement
from api.settings import ApiSettings
from tests.integration.rolled import random_books
from tests.integration.rows import FENCE, TOPIC, clicks, make_rows
from warehouse.client import connect
from warehouse.replays import book
from warehouse.replays.book import State
from warehouse.replays.layers import Arrays
from warehouse.rollups.families import FAMILIES
from warehouse.rollups.read import Books, read_books_sync
from warehouse.rollups.roll import roll_due
from warehouse.settings import WarehouseSettings

OTHER = UUID("0192d3a0-0000-7000-8000-000000000002")
ENDS = ((TOPIC, 0, 900), (TOPIC, 2, 500), (OTHER, 0, 300))
"""Topic, partition, offset after the last."""
WEEKS = (datetime(2026, 10, 2, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC))
"""Lord Howe's clocks shift on 3 October (by half an hour), New York's on 1 November."""
ZONES = ("UTC", "Europe/Zurich", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "Asia/Kolkata")
NOW = datetime(2026, 11, 4, tzinfo=UTC)
STATES = 4
QUESTIONS = 10
NAMES = (
    ("channel", "source", "utm_medium"),
    ("country", "region", "domain"),
    ("device", "os"),
    ("position", "placement", "slot"),
    ("link", "title"),
    ("channel", "device", "country", "placement"),
    ("path", "channel"),
)
"""Of one rollup each, but for the last."""
FILTERS: tuple[Any, ...] = (
    ["is", "channel", ["Email", ""]],
    ["is_not", "country", ["CH"]],
    ["contains_not", "domain", ["b."]],
    ["or", [["is", "position", [1, 2]], ["not", ["exists", "placement"]]]],
    ["is", "outcome", ["human", "bot", "repeat"]],
    ["is", "link", ["0000000000000001"]],
    ["matches", "path", ["^/s"]],
)


def events(chance: random.Random) -> list[dict[str, Any]]:
    """Clicks of two weeks and of everywhere in the log, many at one hour, some late by days."""
    rows: list[dict[str, Any]] = []
    for topic_id, partition, end in ENDS:
        for row in make_rows(end, seed=chance.randrange(1 << 30), start=WEEKS[0], span=timedelta(days=4)):
            days = chance.choice((0, 0, 28))
            ts = row["ts"] + timedelta(days=days)
            if chance.random() < 0.3:
                ts = WEEKS[1] + timedelta(hours=chance.choice((9, 30, 31)), seconds=chance.random() * 3600)
                ts = ts.replace(microsecond=ts.microsecond // 1000 * 1000)
            late = timedelta(days=chance.choice((0, 0, 0, 2)))
            arrived = max(ts, WEEKS[0] + timedelta(days=33) * row["kafka_offset"] / end) + late
            rows.append(
                {
                    **row,
                    "topic_id": topic_id,
                    "kafka_partition": partition,
                    "ts": ts,
                    "salt_day": ts.date(),
                    "append_time": arrived,
                    "batch_time": arrived.replace(microsecond=0),
                    "domain": chance.choice(("a.example", "a.example", "b.example")),
                    "referrer_source": chance.choice(("Google", "")),
                }
            )
    return rows


def write(client: Client, rows: list[dict[str, Any]]) -> None:
    for topic_id, partition, _ in ENDS:
        client.command(f"INSERT INTO fences VALUES ('{topic_id}', {partition}, {FENCE})")
    columns = list(rows[0])
    client.insert("events", [[row[name] for name in columns] for row in rows], column_names=columns)


def switch_some(client: Client, rows: list[dict[str, Any]]) -> None:
    """Judge some offsets again, otherwise, and switch to that."""
    begun = book.begin(client, {(TOPIC, 0): range(100, 700)}, "rules", asked_from=WEEKS[0], asked_to=None)
    again = [row for row in rows if (row["topic_id"], row["kafka_partition"]) == (TOPIC, 0)][100:700]
    write(client, [{**row, "edition": begun.edition, "outcome": "human", "channel": "SMS"} for row in again])
    book.set_state(client, begun, State.WRITTEN)
    book.switch(client, [begun.edition], "for the test")


def random_question(chance: random.Random) -> Question:
    times = chance.choice(([], [], [], *([f"time:{unit}"] for unit in ("minute", "hour", "day", "week", "month"))))
    names = chance.choice(NAMES)
    dimensions = [*times, *chance.sample(names, chance.randint(0, 2))]
    filters = [one for one in FILTERS if chance.random() < (0.4 if one[1] in (*names, "outcome") else 0.05)]
    start = chance.choice(WEEKS) + timedelta(seconds=chance.choice((0, 3600 * 5, chance.random() * 400_000)))
    whole = chance.random() < 0.5
    days = chance.choice((0, 2, 4, 6))
    end = start + timedelta(days=days, seconds=chance.random() * 90_000)
    body = {
        "metrics": chance.choice((["clicks"], ["events", "bots"], ["clicks", "visitors"], list(METRICS))),
        "dimensions": dimensions,
        "filters": filters,
        "date_range": [str(start.date()), str(end.date())] if whole else [start.isoformat(), end.isoformat()],
        "time_zone": chance.choice(ZONES),
        "include": {"totals": True},
        "exact": chance.random() < 0.1,
        "pagination": {"limit": chance.choice((3, 10_000))},
    }
    if chance.random() < 0.1:
        body["date_range"] = "all"
    return parse(body, now=NOW, zone="UTC", within=())


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Iterator[Client]:
    with connect(warehouse) as client:
        yield client


def answered(client: Client, statement: Statement) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(statement.sql, parameters=dict(statement.parameters)).result_rows]


def layers_of(client: Client) -> Arrays:
    found = client.query("SELECT topics, numbers, width, firsts, lasts FROM editions").result_rows
    return Arrays(*found[0]) if found else NO_LAYERS


def compared(client: Client, chance: random.Random, books: Books, zone: str) -> list[str]:
    """Ask random questions both ways; the tables that answered."""
    used: list[str] = []
    layers = layers_of(client)
    for number in range(QUESTIONS):
        question = random_question(chance)
        sizes = {family.table: chance.randint(1, 1000) for family in FAMILIES.values()}
        planned = plan(question, Rollups.of(books, layers, zone, sizes))
        used += [part.table for part in planned.rolled]
        rows = question.asked.pagination.limit
        scan = Plan((span_of(question.span),), switch=books.switch, layers=layers)
        expected = answered(client, build(question, scan, rows=rows))
        found = answered(client, build(question, planned, rows=rows))
        assert found == expected, f"question {number}: {question.asked}\n{planned}"
    return used


def test_every_plan_answers_what_the_records_say(client: Client) -> None:
    used: list[str] = []
    rows = events(random.Random(1))
    write(client, rows)
    for seed in range(STATES):
        if seed == STATES // 2:
            switch_some(client, rows)
        chance = random.Random(seed)
        zone = chance.choice(ZONES)
        used += compared(client, chance, random_books(client, chance, ENDS, zone), zone)
    assert len(set(used)) > 5, "too few rollups are met: ask more"
    assert len(used) > QUESTIONS, "too few questions are answered by rollups"


def test_what_the_roller_rolls_answers_with_what_came_since(client: Client) -> None:
    chance = random.Random(7)
    rows = sorted(events(chance), key=lambda row: row["batch_time"])
    write(client, rows[:1200])
    roll_due(client, NOW.timestamp(), "America/New_York")
    write(client, rows[1200:])
    used = [*compared(client, chance, read_books_sync(client), "America/New_York")]
    used += compared(client, chance, read_books_sync(client), "America/New_York")
    assert len(set(used)) > 3


@pytest.mark.asyncio
async def test_after_a_switch_the_books_are_read_again(warehouse: WarehouseSettings, client: Client) -> None:
    rows = events(random.Random(1))
    write(client, rows)
    question = parse({"metrics": ["clicks"], "date_range": "all"}, now=NOW, zone="UTC", within=())
    async with Warehouse(ApiSettings(**warehouse.model_dump(), query_cache_seconds=0)) as runner:
        executor = Executor(runner, "UTC")
        before = await executor.execute(question, 1)
        switch_some(client, rows)
        after = await executor.execute(question, 1)
    judged = [row for row in rows if (row["topic_id"], row["kafka_partition"]) == (TOPIC, 0)][100:700]
    assert (before.plan.switch, after.plan.switch) == (0, 1)
    assert after.rows.values[0][0] == clicks(rows) - clicks(judged) + len(judged)
