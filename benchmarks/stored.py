"""Stored clicks: databases with so many generated rows, made once and found again by later runs."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import click
from clickhouse_connect.driver.client import Client

from benchmarks.contenders.functions import NONCE
from benchmarks.ground import Ground, Tell
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

STORED = Path(__file__).with_name("stored.sql")
TOPIC = UUID(int=0xB01C)
BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
SECONDS = 29 * 86_400 + 14 * 3600 + 20 * 60
"""A month of clicks, as it stands on the afternoon of its last day: that day and that hour are still open."""
NOW = BEGIN + timedelta(seconds=SECONDS)
STEP = 1_000_000
"""Rows that are generated at a time."""
QUIET_SECONDS = 120.0
"""How long merges of generated rows may go on before a measurement begins anyway."""


def stored(ground: Ground, rows: int, tell: Tell) -> WarehouseSettings:
    """A database with so many generated rows, everything else in it as the last run left it."""
    database = ground.kept_database(f"month_{rows}")
    with connect(database) as client:
        found = int(str(client.command("SELECT count() FROM events")))
        if found > rows:
            raise click.ClickException(f"{database.clickhouse_database} has more rows than it should: remove it.")
        fence(client)
        for first in range(found, rows, STEP):
            tell(f"generating {rows / 1e6:,.0f}M rows", first, rows)
            generate(client, first, min(STEP, rows - first), rows)
        wait_for_merges(client, tell)
    return database


@contextlib.contextmanager
def copy_of(ground: Ground, stored: WarehouseSettings) -> Iterator[WarehouseSettings]:
    """A new database that begins with the stored rows: their parts are linked, not copied."""
    source = stored.clickhouse_database
    with ground.database() as database, connect(database) as client:
        parts = "SELECT DISTINCT partition_id FROM system.parts WHERE database = {source:String} AND table = 'events'"
        found = client.query(f"{parts} AND active ORDER BY partition_id", parameters={"source": source})
        for (partition,) in found.result_rows:
            client.command(f"ALTER TABLE events ATTACH PARTITION ID '{partition}' FROM {source}.events")
        yield database


def fence(client: Client) -> None:
    """Let this process's rows be written; to be done again after a start of the warehouse."""
    client.insert("fences", [[str(TOPIC), 0, NONCE]], column_names=["topic_id", "kafka_partition", "nonce"])


def generate(client: Client, first: int, count: int, total: int) -> None:
    """Write some of `total` rows."""
    fixed = {"topic_id": str(TOPIC), "nonce": NONCE, "begin": BEGIN, "seconds": SECONDS}
    client.command(STORED.read_text(), parameters={**fixed, "first": first, "count": count, "total": total})


def wait_for_merges(client: Client, tell: Tell) -> None:
    """Return when nothing is merged any more, or after a while all the same."""
    limit = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < limit and int(str(client.command("SELECT count() FROM system.merges"))):
        tell("waiting for merges", 0, 0)
        time.sleep(0.5)
