"""`weir retain`: drop what is older than it has to be kept."""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.connected import connected, first_line
from ingest.installation import InstallationSettings
from warehouse.retention.run import Month, drop, drop_events, old
from warehouse.retention.settings import RetentionSettings
from warehouse.rollups.desk import freeze
from warehouse.rollups.families import FAMILIES
from warehouse.rollups.publish import NotRolled
from warehouse.rollups.roll import Roller
from warehouse.rollups.units import units_of

TURNS = 1000
"""So often is rolled what is not rolled yet, a piece of history each time, before this gives up."""


class RetainSettings(RetentionSettings, InstallationSettings):
    """How long what is kept, where it is, and the zone whose days are rolled up."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Drop nothing; say what would go.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, dry_run: bool, as_json: bool) -> None:
    """Drop records and dead letters that are older than WEIR_RETAIN_RECORDS and WEIR_RETAIN_LETTERS say.

    Whole months go, once every row in them is that old: run it daily from cron. Before records go, what is rolled up of
    them is kept for ever, and the ledger writes down that they went: `weir audit` adds up and names them. Safe to
    interrupt: the same command goes on. Without the settings it does nothing.
    """
    settings, now = RetainSettings(), datetime.now(UTC)
    with _connected(settings) as client:
        months = [
            *old(client, "events", settings.retain_records, now),
            *old(client, "dead_letters", settings.retain_letters, now),
        ]
        if not dry_run:
            for month in months:
                _drop(client, month, str(settings.zone()))
    if as_json:
        click.echo(json.dumps([{"table": one.table, "month": one.month, "rows": one.rows} for one in months]))
        return
    for month in months:
        click.echo(f"{month.table} {month.month}: {month.rows:,} rows {'would go' if dry_run else 'dropped'}")
    if not months:
        click.echo("Nothing is older than it has to be kept.")


def _drop(client: Client, month: Month, zone: str) -> None:
    if month.table == "events":
        drop_events(client, month, lambda client, hours: _freeze(client, hours, zone))
    else:
        drop(client, month)


def _freeze(client: Client, hours: Sequence[int], zone: str) -> None:
    """Freeze the hours; what is not sealed of them is rolled before. Raises `NotRolled`."""
    forced = {family.name: units_of(family.unit, hours, zone) for family in FAMILIES.values()}
    roller = Roller(client, zone)
    for _ in range(TURNS):
        done = roller.turn(time.time(), forced)
        if trouble := next((one.trouble for one in done if one.trouble), ""):
            raise NotRolled(trouble)
        if not any(one.left for one in done):
            break
    freeze(client, hours, zone)


@contextlib.contextmanager
def _connected(settings: RetainSettings) -> Iterator[Client]:
    with connected(settings) as client:
        try:
            yield client
        except NotRolled as error:
            raise click.ClickException(f"{error} Nothing of that month was dropped: run this again.") from error
        except (ClickHouseError, OSError) as error:
            raise click.ClickException(f"ClickHouse at {settings.clickhouse}: {first_line(error)}") from error
