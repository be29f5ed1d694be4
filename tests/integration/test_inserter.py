"""The worker's way into the real engine: rows that it refuses are buried, inserts that are too large are cut."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from clickhouse_connect.driver.client import Client

from ingest.events import Kind, RawClick, encode
from streams.batch import Batch
from streams.chain import Chain
from streams.dead_ratio import DeadRatio, TooManyDead
from streams.enrich.chain import enrichers
from streams.enrich.utm import DEFAULT_TAXONOMY
from streams.judge.judge import Judge
from streams.partition import Limits, PartitionCounter
from streams.windows.hold import HoldLimit
from streams.windows.rules import WindowRules
from tests.unit.streams.test_decode import LogRecord
from warehouse.client import connect, connect_async
from warehouse.failures import Misconfigured
from warehouse.ledger import Ledger, Partition
from warehouse.settings import WarehouseSettings

TIME_MS = 1_795_330_800_000
PATH = "/spring"


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Any:
    found = connect(warehouse)
    yield found
    found.close()


def records(count: int, **odd: dict[str, Any]) -> list[LogRecord]:
    """Clicks; `odd` has fields of some of them, by `at_OFFSET`."""
    return [
        LogRecord(encode(_click(offset, odd.get(f"at_{offset}", {}))), offset=offset, timestamp=TIME_MS)
        for offset in range(count)
    ]


def _click(offset: int, odd: dict[str, Any]) -> RawClick:
    return RawClick(**{"kind": Kind.CLICK, "src": 5, "seq": offset + 1, "ts": TIME_MS, "path": PATH, **odd})


async def count(
    warehouse: WarehouseSettings,
    log: Sequence[LogRecord],
    tmp_path: Path,
    settings: dict[str, Any] | None = None,
    **limits: Any,
) -> Partition:
    """Count the log's records as a worker does; raises the one error that ended it."""
    partition = Partition(uuid4(), 3)
    client = await connect_async(warehouse)
    for name, value in (settings or {}).items():
        client.set_client_setting(name, value)
    ledger = Ledger(client)
    steps = enrichers(geo_dir=tmp_path, taxonomy=DEFAULT_TAXONOMY, cache_size=1000)
    chain = Chain(ledger, steps, Judge("test", 1000), DeadRatio(1.0), WindowRules())
    finished = asyncio.Event()
    done: Callable[[int], None] = lambda offset: finished.set() if offset == len(log) else None  # noqa: E731
    counter = PartitionCounter(
        partition,
        ledger,
        chain(partition),
        done=done,
        log_end=lambda _: None,
        limits=Limits(rows=5000, linger=0.1, hold=HoldLimit(0), pause=0.01, **limits),
    )
    await counter.open(0)
    counter.put(Batch("clicks.raw", 3, log))
    running = asyncio.create_task(counter.run())
    waiting = asyncio.create_task(finished.wait())
    try:
        await asyncio.wait({running, waiting}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        assert finished.is_set()
    finally:
        running.cancel()
        waiting.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
        await client.close()
    return partition


def outcomes(client: Client) -> dict[int, str]:
    found = client.query("SELECT kafka_offset, outcome FROM events").result_rows
    assert set(Counter(offset for offset, _ in found).values()) == {1}
    return {offset: outcome for offset, outcome in found}  # noqa: C416  # rows are sequences of any length to mypy


def letters(client: Client) -> dict[int, tuple[bytes, ...]]:
    query = "SELECT kafka_offset, stage, reason, payload, detail FROM dead_letters FINAL"
    return {row[0]: tuple(row[1:]) for row in client.query(query, query_formats={"String": "bytes"}).result_rows}


async def test_a_day_that_no_date_can_hold_is_buried_and_all_others_are_stored(
    warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    """Nothing in the decoder knows how far ClickHouse's dates go; before anything is sent, the client does."""
    log = records(300, at_17={"salt_day": "1914-06-28"}, at_18={"salt_day": "9999-12-31"})
    await count(warehouse, log, tmp_path)
    found = outcomes(client)
    assert found.keys() == set(range(300))
    assert {offset for offset, outcome in found.items() if outcome == "dead"} == {17, 18}
    assert {offset: (letter[0], letter[2]) for offset, letter in letters(client).items()} == {
        offset: (b"insert", log[offset].value) for offset in (17, 18)
    }
    row = client.query("SELECT src, seq, kind, verdict, path, ts FROM events WHERE kafka_offset = 17").first_item or {}
    assert row["ts"].timestamp() * 1000 == TIME_MS
    del row["ts"]
    assert row == {"src": 5, "seq": 18, "kind": "unknown", "verdict": "none", "path": ""}


async def test_rows_that_a_constraint_refuses_are_buried(
    warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    """An operator's own rule in the table: it is not the fence, and not a reason to stop."""
    client.command("ALTER TABLE events ADD CONSTRAINT no_tests CHECK path != '/fenced'")
    guilty = {f"at_{offset}": {"path": "/fenced"} for offset in (0, 100, 101, 299)}
    await count(warehouse, records(300, **guilty), tmp_path)
    found = outcomes(client)
    assert found.keys() == set(range(300))
    assert {offset for offset, outcome in found.items() if outcome == "dead"} == {0, 100, 101, 299}
    assert letters(client).keys() == {0, 100, 101, 299}
    assert b"no_tests" in letters(client)[299][3]


async def test_rows_that_an_analysts_column_fails_on_are_buried(
    warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    """A column that is worked out while rows are written: what it can't read is refused, and nothing else is."""
    client.command("ALTER TABLE events ADD COLUMN number UInt32 MATERIALIZED toUInt32(concat('0', message_id))")
    await count(warehouse, records(200, at_3={"message": "12"}, at_77={"message": "spring"}), tmp_path)
    found = outcomes(client)
    assert found.keys() == set(range(200))
    assert [offset for offset, outcome in found.items() if outcome == "dead"] == [77]
    numbers = client.query("SELECT number, count() FROM events GROUP BY number ORDER BY number").result_rows
    assert numbers == [(0, 199), (12, 1)]


async def test_a_view_that_fails_misses_the_rows_and_stops_nothing(
    warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    """ClickHouse writes the table first: the insert fails, the ledger says that all rows stand, and that is true."""
    client.command("CREATE TABLE numbers_of (number UInt32) ENGINE = MergeTree ORDER BY number")
    client.command(
        "CREATE MATERIALIZED VIEW numbers_view TO numbers_of AS"
        " SELECT toUInt32(concat('0', message_id)) AS number FROM events"
    )
    await count(warehouse, records(200, at_77={"message": "spring"}), tmp_path)
    found = outcomes(client)
    assert found.keys() == set(range(200))
    assert "dead" not in found.values()


async def test_an_insert_that_is_too_large_for_the_memory_goes_in_pieces(
    warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    log = records(5000, **{f"at_{offset}": {"query": f"q={offset}&" + "x" * 2000} for offset in range(5000)})
    await count(warehouse, log, tmp_path, {"max_memory_usage": 18_000_000})
    found = outcomes(client)
    assert found.keys() == set(range(5000))
    assert "dead" not in found.values()
    assert not letters(client)


async def test_a_table_that_refuses_everything_stops_the_worker(
    warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    client.command("ALTER TABLE events ADD CONSTRAINT nothing CHECK empty(path)")
    with pytest.raises(ExceptionGroup) as stopped:
        await count(warehouse, records(400), tmp_path)
    assert stopped.group_contains(TooManyDead, match="100 of the last 100 records can't be stored")
    assert len(letters(client)) == 99


async def test_a_missing_column_says_what_to_do(warehouse: WarehouseSettings, client: Client, tmp_path: Path) -> None:
    client.command("ALTER TABLE events DROP COLUMN utm_term_raw")
    with pytest.raises(ExceptionGroup) as stopped:
        await count(warehouse, records(10), tmp_path)
    assert stopped.group_contains(Misconfigured, match="run `weir migrate`")
    assert client.command("SELECT count() FROM events") == 0
