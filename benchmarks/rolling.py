"""S2: what rolling costs beside inserting, and what the fence costs a row: CPU time of the warehouse."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from clickhouse_connect.driver.client import Client

from benchmarks.ground import Ground, Tell, cpu_seconds
from benchmarks.stored import BEGIN, fence, wait_for_merges
from ingest.installation import InstallationSettings
from warehouse.client import connect
from warehouse.ledger import INSERT_SETTINGS
from warehouse.rollups.roll import roll_due
from warehouse.settings import WarehouseSettings

ROWS = 1_000_000
BLOCK = 17_000
"""Rows an insert, as a busy worker makes them."""
BLOCKS = """
SELECT * FROM events
WHERE kafka_offset >= {first:UInt64} AND kafka_offset < {end:UInt64}
  AND toDate(batch_time) BETWEEN {day:Date} AND {day:Date} + 5
ORDER BY kafka_offset
"""
PLACES = """
SELECT intDiv(kafka_offset, {block:UInt64}) * {block:UInt64} AS first, min(toDate(batch_time)), max(append_time)
FROM events
WHERE kafka_offset < {rows:UInt64}
GROUP BY first
HAVING count() = {block:UInt64}
ORDER BY first
"""
LATE = timedelta(minutes=30)
"""How long after an hour's end it is rolled for sure."""
NO_FENCE = "unfenced"


@dataclasses.dataclass(frozen=True)
class Costs:
    """CPU microseconds a click, round by round."""

    insert: Sequence[float]
    unfenced: Sequence[float]
    """The same into a table without the fence's constraint."""
    roll: Sequence[float]
    hours: int
    """How many hours' clicks were inserted and rolled, one after the other."""


@dataclasses.dataclass(frozen=True)
class Block:
    """Rows of one insert."""

    body: bytes
    arrived: datetime
    """When the last of them did."""


def measure(ground: Ground, source: WarehouseSettings, rounds: int, tell: Tell) -> Costs:
    """Insert the first clicks of a database into empty ones, in order, and roll each hour when it is over."""
    with connect(source) as client:
        blocks = list(_blocks(client))
    insert, unfenced, rolled = [], [], []
    for number in range(1, rounds + 1):
        tell(f"inserting and rolling, round {number} of {rounds}", number - 1, rounds)
        rows = BLOCK * len(blocks)
        unfenced.append(_insert(ground, blocks, NO_FENCE, tell)[0] / rows * 1e6)
        insert.append(_insert(ground, blocks, "events", tell)[0] / rows * 1e6)
        rolled.append(_insert(ground, blocks, "events", tell, rolled=True)[1] / rows * 1e6)
    return Costs(insert, unfenced, rolled, len({block.arrived.replace(minute=0, second=0) for block in blocks}))


def roll(client: Client, now: datetime) -> None:
    """Roll all that is due at a moment, as the roller does."""
    roll_due(client, now.timestamp(), InstallationSettings().time_zone)


def _blocks(client: Client) -> Iterator[Block]:
    for first, day, arrived in client.query(PLACES, parameters={"rows": ROWS, "block": BLOCK}).result_rows:
        body = client.raw_query(BLOCKS, parameters={"first": first, "end": first + BLOCK, "day": day}, fmt="Native")
        yield Block(body, arrived.replace(tzinfo=UTC))


def _insert(
    ground: Ground, blocks: Sequence[Block], table: str, tell: Tell, *, rolled: bool = False
) -> tuple[float, float]:
    """CPU seconds of inserting all blocks into a new database, merges included, and of rolling meanwhile."""
    with ground.database() as database, connect(database) as client:
        fence(client)
        if table == NO_FENCE:
            client.command(f"CREATE TABLE {table} AS events")
            client.command(f"ALTER TABLE {table} DROP CONSTRAINT fenced")
        took, rolling = 0.0, 0.0
        due = BEGIN + timedelta(hours=1)
        for block in blocks:
            with _cpu(ground) as spent:
                client.raw_insert(table, None, block.body, settings=dict(INSERT_SETTINGS), fmt="Native")
            took += spent()
            while rolled and block.arrived >= due:
                with _cpu(ground) as spent:
                    roll(client, due + LATE)
                rolling += spent()
                due += timedelta(hours=1)
        with _cpu(ground) as spent:
            wait_for_merges(client, tell)
        return took + spent(), rolling


@contextlib.contextmanager
def _cpu(ground: Ground) -> Iterator[Callable[[], float]]:
    """CPU seconds that the warehouse and this process used in between."""
    began = cpu_seconds(ground.warehouse.pid), time.process_time()
    yield lambda: cpu_seconds(ground.warehouse.pid) - began[0] + time.process_time() - began[1]
