"""`weir api-keys`: who may use the API, for what, and on which domains."""

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from api.keys.caller import Scope
from api.keys.key import NEVER, Key, make
from api.keys.table import every, revoked, write
from api.writes.entry import FIELDS, TABLE, Write, as_text, row
from deploy.connected import connected, first_line
from deploy.group import Group
from deploy.moment import moment
from ingest.links import DomainError, normalise_domain
from warehouse.settings import WarehouseSettings

COLUMNS = ("key", "name", "scopes", "domains", "made", "expires", "state")
SCOPES = {
    Scope.READ: "ask questions and see links",
    Scope.LINKS: "make, change and delete links",
    Scope.ADMIN: "see the ledger and the audit log",
}


@click.group(cls=Group)
def command() -> None:
    """Make, list and revoke the keys of the API.

    A key is shown once, when it is made; only its hash is stored. What is added or revoked here counts within a second,
    in every process of the API.
    """


@command.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    default=(Scope.READ.value,),
    help="; ".join(f"`{scope}`: {what}" for scope, what in SCOPES.items()) + ". More than once; `read` unless given.",
)
@click.option("--domain", "domains", multiple=True, help="See and change only this domain; more than once for several.")
@click.option("--expires", help="From when on it is not valid, as 2027-01-01; never unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print the key and all about it as JSON.")
def add(name: str, scopes: tuple[str, ...], domains: tuple[str, ...], expires: str | None, *, as_json: bool) -> None:
    """Make a key for NAME, which is what the audit log calls its holder."""
    now = datetime.now(UTC)
    wanted = [Scope(scope) for scope in dict.fromkeys(scopes)]
    if Scope.ADMIN in wanted and domains:
        raise click.UsageError("What `admin` shows is of every domain: leave `--domain` or that scope out.")
    if not 1 <= len(name.strip()) <= 128 or not name.isprintable():
        raise click.BadParameter("A name has 1 to 128 characters.", param_hint="NAME")
    until = moment(expires) if expires else NEVER
    if NEVER != until <= now:
        raise click.BadParameter(f"{expires} is over already.", param_hint="--expires")
    key, text = make(name.strip(), wanted, _domains(domains), now=now, expires_at=until)
    with _table() as client:
        write(client, key)
        _log(client, "key.add", key, None)
    if as_json:
        click.echo(json.dumps({**key.shown(now), "text": text}, indent=2))
        return
    click.echo(text)
    click.echo("That is the key; it is not shown again. Send it as `Authorization: Bearer …`.", err=True)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_(*, as_json: bool) -> None:
    """List the keys, the revoked ones too; none of them can be shown again."""
    now = datetime.now(UTC)
    with _table() as client:
        keys = every(client)
    if as_json:
        click.echo(json.dumps([key.shown(now) for key in keys], indent=2))
        return
    table = Table(*COLUMNS, box=None, header_style="bold")
    for key in keys:
        table.add_row(
            f"weir_{key.key_id}_…",
            key.name,
            " ".join(key.scopes),
            " ".join(key.domains) or "every",
            f"{key.created_at:%Y-%m-%d}",
            "never" if key.expires_at == NEVER else f"{key.expires_at:%Y-%m-%d %H:%M} UTC",
            key.state(now),
        )
    Console().print(table if keys else "There are no keys yet; `weir api-keys add` makes one.")


@command.command()
@click.argument("key_id", metavar="KEY")
def revoke(key_id: str) -> None:
    """Let nobody in with KEY any more: its eight digits as `list` shows them, or the beginning of the key."""
    wanted = key_id.removeprefix("weir_").partition("_")[0]
    with _table() as client:
        key = next((key for key in every(client) if key.key_id == wanted), None)
        if key is None:
            raise click.ClickException(f"There is no key {wanted}; `weir api-keys list` shows them.")
        if key.revoked_at != NEVER:
            raise click.ClickException(f"The key {wanted} of {key.name} is revoked already.")
        write(client, revoked(key, datetime.now(UTC)))
        _log(client, "key.revoke", revoked(key, datetime.now(UTC)), key)
    click.echo(f"Revoked the key {wanted} of {key.name}; nobody is let in with it from the next second on.")


@contextmanager
def _table() -> Iterator[Client]:
    with connected(WarehouseSettings()) as client:
        try:
            yield client
        except ClickHouseError as error:
            raise click.ClickException(f"ClickHouse refuses: {first_line(error)} Has `weir migrate` run?") from error


def _domains(given: tuple[str, ...]) -> list[str]:
    try:
        return [*dict.fromkeys(normalise_domain(domain) for domain in given)]
    except DomainError as error:
        raise click.BadParameter(f"{error}.", param_hint="--domain") from None


def _log(client: Client, action: str, key: Key, before: Key | None) -> None:
    """A line of the audit log: commands have no key, so it names who was logged in."""
    now = datetime.now(UTC)
    line = Write(
        action=action,
        object=key.key_id,
        status=200,
        key_name=f"command of {_user()}",
        before=as_text(before.shown(now) if before else None),
        after=as_text(key.shown(now)),
    )
    client.insert(TABLE, [row(line)], column_names=FIELDS, settings={"async_insert": 0})


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "somebody"
