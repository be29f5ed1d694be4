"""`weir migrate`: bring ClickHouse's schema up to date."""

import dataclasses
import json
from collections.abc import Callable, Sequence

import click
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from warehouse.client import WarehouseUnavailable
from warehouse.migrate import Applied, Migration, MigrationConflict, migrate, status
from warehouse.settings import WarehouseSettings


@click.command()
@click.option("--dry-run", is_flag=True, help="Change nothing; print the SQL that would be run.")
@click.option(
    "--status", "show_status", is_flag=True, help="Change nothing; list what was applied and what is pending."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, dry_run: bool, show_status: bool, as_json: bool) -> None:
    """Bring ClickHouse's schema up to date.

    Forward only; safe to run at any time, also by two at once. A migration that was changed after it was applied is
    refused.
    """
    settings = WarehouseSettings()
    try:
        if dry_run or show_status:
            applied, todo = status(settings)
        else:
            before, _ = status(settings)
            applied, todo = before + migrate(settings, on_applied=_say(as_json)), []
    except (WarehouseUnavailable, MigrationConflict) as error:
        raise click.ClickException(str(error)) from error
    except ClickHouseError as error:
        raise click.ClickException(f"ClickHouse refuses a statement: {error}\nMend it, and run this again.") from error
    if dry_run:
        _print_sql(todo, settings, as_json=as_json)
    elif as_json:
        click.echo(json.dumps(_rows(applied, todo), indent=2))
    elif show_status:
        _print_table(applied, todo)
    else:
        click.echo(f"{settings.clickhouse_database} is up to date: {len(applied)} migrations.", err=True)


def _say(as_json: bool) -> Callable[[Applied], None]:
    return lambda one: None if as_json else click.echo(f"applied {one.version:04}_{one.name}", err=True)


def _print_sql(todo: Sequence[Migration], settings: WarehouseSettings, *, as_json: bool) -> None:
    place = settings.clickhouse_database, settings.clickhouse_cluster
    statements = [statement for migration in todo for statement in migration.statements(*place)]
    click.echo(
        json.dumps(statements, indent=2) if as_json else "".join(f"{statement};\n\n" for statement in statements)
    )


def _rows(applied: Sequence[Applied], todo: Sequence[Migration]) -> list[dict[str, object]]:
    return [
        *(
            {**dataclasses.asdict(one), "applied_at": f"{one.applied_at.isoformat(timespec='milliseconds')}Z"}
            for one in applied
        ),
        *({"version": one.version, "name": one.name, "checksum": one.checksum, "applied_at": None} for one in todo),
    ]


def _print_table(applied: Sequence[Applied], todo: Sequence[Migration]) -> None:
    table = Table("Migration", "Applied (UTC)", box=None, header_style="bold")
    for one in applied:
        table.add_row(f"{one.version:04}_{one.name}", f"{one.applied_at:%Y-%m-%d %H:%M:%S}")
    for migration in todo:
        table.add_row(f"{migration.version:04}_{migration.name}", "pending")
    Console().print(table)
