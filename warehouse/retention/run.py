"""Dropping months: what is rolled up of them is kept for ever first, then they are written down, then they go.

It may die at any point and be run again: a month that is written down is dropped whatever is left of it.
"""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from clickhouse_connect.driver.client import Client

from warehouse.retention.book import dropped
from warehouse.sql import load

LEAST_DAYS = 14
"""Records may not go sooner: Kafka has them for seven days and a segment, and a worker would read them again."""

Freeze = Callable[[Client, Sequence[int]], object]
"""Keeps what is rolled up of these hours of UTC (starts, Unix seconds) for ever, or raises; harmless twice."""


@dataclasses.dataclass(frozen=True)
class Month:
    """A month of one table that is older than what is kept."""

    table: str
    month: int
    partitions: Sequence[str]
    rows: int
    """Of all editions."""


def old(client: Client, table: str, days: int, now: datetime) -> list[Month]:
    """The whole months of a table of which every row is older than so many days; 0: everything is kept."""
    if not days:
        return []
    last = (now.astimezone(UTC) - timedelta(days=days)).date()
    parameters = {"table": table, "before": last.year * 100 + last.month}
    return [Month(table, *row) for row in client.query(load("months"), parameters=parameters).result_rows]


def drop_events(client: Client, month: Month, freeze: Freeze) -> None:
    """Drop a month of records, in all editions. Raises what `freeze` does, with nothing dropped."""
    parameters = {"month": month.month}
    if month.month not in {one.month for one in dropped(client)}:
        freeze(client, [hour for (hour,) in client.query(load("month_hours"), parameters=parameters).result_rows])
        client.command(load("dropped_line"), parameters=parameters)
    drop(client, month)
    client.command(
        "ALTER TABLE erased DELETE WHERE toYYYYMM(day) = {month:UInt32}", parameters, settings={"mutations_sync": 1}
    )


def drop(client: Client, month: Month) -> None:
    """Drop a month's partitions."""
    for partition in month.partitions:
        client.command(
            f"ALTER TABLE {month.table} DROP PARTITION {partition}", settings={"max_partition_size_to_drop": 0}
        )
