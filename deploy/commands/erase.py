"""`weir erase`: delete what is stored of one link, domain, recipient or visitor, and prove that nothing is left."""

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TextIO
from uuid import UUID

import click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from deploy.connected import connected, first_line
from deploy.erase_tables import as_dict, from_dict, show_erasures, show_left
from deploy.group import Group
from ingest.installation import InstallationSettings
from ingest.links import link_id
from warehouse.erasure.book import Erasure, What, asked, erasures, write
from warehouse.erasure.run import ErasureRefused, Tell, check, erase, left, unfinished
from warehouse.rollups.desk import void
from warehouse.settings import WarehouseSettings

AGAIN = "The request is kept, and the ledger adds up meanwhile: `weir erase again` goes on with it."


class EraseSettings(WarehouseSettings, InstallationSettings):
    """Where the clicks are, and the zone whose days were rolled up."""


def doing(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what erases."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Delete nothing; say what there is of it."),
        click.option("--yes", is_flag=True, help="Delete without asking."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    ):
        command = option(command)
    return command


@click.group(cls=Group)
def command() -> None:
    """Delete what is stored of one link, domain, recipient or visitor, and prove that nothing is left.

    The ledger still adds up: offsets and numbers that are gone are written down, nothing else of them. What Kafka keeps
    (seven days) and backups hold is not reached.
    """


@command.command()
@click.argument("link")
@doing
def link(link: str, **how: bool) -> None:
    """Of a link: DOMAIN/SLUG, or its id of 16 hexadecimal digits.

    The link's own row goes too where it is deleted; one that stands keeps it.
    """
    domain, slash, slug = link.partition("/")
    name = link_id(domain, slug) if slash else link.lower()
    if len(name) != 16 or set(name) - set("0123456789abcdef"):
        raise click.BadParameter(f"{link} is neither DOMAIN/SLUG nor 16 hexadecimal digits.")
    _erase(asked(What.LINK, name), **how)


@command.command()
@click.argument("name")
@doing
def domain(name: str, **how: bool) -> None:
    """Of a domain, as `go.example.com`."""
    _erase(asked(What.DOMAIN, name), **how)


@command.command()
@click.argument("name")
@doing
def recipient(name: str, **how: bool) -> None:
    """Of a recipient, as `w_rcpt` named him."""
    _erase(asked(What.RECIPIENT, name), **how)


@command.command()
@click.argument("number", type=click.IntRange(1, (1 << 64) - 1))
@click.option("--day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Day of the salt (`salt_day`).")
@doing
def visitor(number: int, day: datetime, **how: bool) -> None:
    """Of a visitor of one day: `visitor_id` as the views show it."""
    _erase(asked(What.VISITOR, str(number), day.date()), **how)


@command.command()
@click.option("--from", "file", type=click.File(), help="Take in the requests of `weir erase list --json` first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def again(file: TextIO | None, *, as_json: bool) -> None:
    """Search again for everything that was ever erased, and erase what is found.

    For after a crash, after a backup was restored, and now and then: clicks of before a request may come late.
    """
    with _connected() as client:
        known = {erasure.id for erasure in erasures(client)}
        for erasure in map(from_dict, json.load(file) if file else ()):
            if erasure.id not in known:
                write(client, erasure)
        for erasure in erasures(client):
            check(client, erasure)
        done = [_deed(client, erasure) for erasure in unfinished(client)]
        _tell(done or erasures(client), as_json)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: keep it beside your backups.")
def list_(*, as_json: bool) -> None:
    """Everything that was erased, and when it was last searched for."""
    with _connected() as client:
        _tell(erasures(client), as_json)


@command.command("check")
@click.argument("erasure", type=click.UUID, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check_(context: click.Context, erasure: UUID | None, *, as_json: bool) -> None:
    """Search again for what was erased, and say whether anything is left; deletes nothing."""
    with _connected() as client:
        found = [check(client, one) for one in erasures(client, *([erasure] if erasure else []))]
        _tell([one for one, _ in found], as_json)
    if not found and erasure:
        raise click.ClickException(f"There is no erasure {erasure}; `weir erase list` names them.")
    if not all(rest.nothing for _, rest in found):
        click.echo("Something is left: `weir erase again` erases it.", err=True)
        context.exit(1)


def _erase(erasure: Erasure, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    with _connected() as client:
        found = left(client, erasure)
        if dry_run and as_json:
            click.echo(json.dumps(found.as_dict()))
            return
        if not as_json:
            show_left(found, Console())
        if dry_run:
            return
        if not yes:
            if as_json or not click.get_text_stream("stdin").isatty():
                raise click.UsageError("Nobody can be asked here: give --yes to delete this, or --dry-run.")
            click.confirm("Delete this for good?", abort=True)
        done = _deed(client, erasure)
        if as_json:
            click.echo(json.dumps(as_dict(done)))
        else:
            _tell([done], as_json)


def _deed(client: Client, erasure: Erasure) -> Erasure:
    zone = str(EraseSettings().zone())
    with _progress() as tell:
        return erase(client, erasure, lambda client, hours: void(client, hours, zone), tell)


def _tell(found: list[Erasure], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([as_dict(erasure) for erasure in found], indent=2))
    else:
        show_erasures(found, Console())


@contextlib.contextmanager
def _progress() -> Iterator[Tell]:
    console = Console(stderr=True)
    columns = (TextColumn("parts written anew"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, parts: bar.update(task, completed=done, total=parts)


@contextlib.contextmanager
def _connected() -> Iterator[Client]:
    settings = EraseSettings()
    with connected(settings) as client:
        try:
            yield client
        except ErasureRefused as error:
            raise click.ClickException(str(error)) from error
        except (ClickHouseError, OSError) as error:
            reason = first_line(error)
            raise click.ClickException(f"ClickHouse at {settings.clickhouse}: {reason}\n{AGAIN}") from error
        except KeyboardInterrupt:
            raise click.ClickException(f"Stopped. {AGAIN}") from None
