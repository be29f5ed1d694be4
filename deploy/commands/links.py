"""`weir links`: make, list, change, delete and import links, through the API."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from api.client import ApiFailure, Client, Link
from api.settings import CliSettings
from deploy.connected import api_client
from deploy.group import Group
from deploy.links.importer import Outcome, import_all_or_nothing, import_rows
from deploy.links.rows import FileError, moment, read_rows
from deploy.links.writer import write_links
from deploy.printable import printable
from ingest.links import link_id
from ingest.links.decide import STATUSES

COLUMNS = ("link", "destination", "title", "tags", "version")

_ID = re.compile(r"[0-9a-f]{16}")


class Moment(click.ParamType):
    """A date or a moment → Unix milliseconds."""

    name = "moment"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises click's own error."""
        try:
            return moment(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def with_fields(command: Callable[..., None]) -> Callable[..., None]:
    """The options that set a link's fields; those that are not given are left as they are."""
    for option in reversed(
        [
            click.option("--title", help="What people call it."),
            click.option("--tag", "tags", multiple=True, help="A tag; more than once for several."),
            click.option("--campaign", help="The campaign that it belongs to."),
            click.option("--enabled/--disabled", default=None, help="Whether it works."),
            click.option("--starts", "starts_at", type=Moment(), help="When it begins to work, as 2026-12-01."),
            click.option("--expires", "expires_at", type=Moment(), help="When it stops working."),
            click.option("--expired-url", help="Where it leads when it has stopped working."),
            click.option("--status", type=click.Choice(STATUSES), help="HTTP status; 302 unless given."),
            click.option("--passthrough/--no-passthrough", default=None, help="Whether the query is passed on."),
            click.option("--position", type=click.IntRange(0), help="Its position on its page, from 1; 0: unknown."),
            click.option("--of", "position_of", type=click.IntRange(0), help="How many positions that page has."),
            click.option("--slot", help="Its named place, as `hero`."),
        ]
    ):
        command = option(command)
    return command


@click.group(cls=Group)
@click.option("--api", metavar="URL", help="Address of the API; else WEIR_API.")
@click.pass_context
def command(ctx: click.Context, api: str | None) -> None:
    """Add, list and import links."""
    ctx.obj = CliSettings(api=api) if api else CliSettings()


@command.command()
@click.argument("destination")
@click.option("--slug", help="What stands after the slash; a random one unless given.")
@click.option("--domain", help="Host of the link; the installation's unless given.")
@with_fields
@click.option("--json", "as_json", is_flag=True, help="Print the link as JSON.")
@click.pass_obj
def add(settings: CliSettings, /, as_json: bool, **fields: Any) -> None:  # noqa: ANN401 - click's options
    """Make a link that leads to DESTINATION."""
    with _client(settings) as client:
        link = client.add_link(_given(fields))
    _print_link(link, as_json)


@command.command("list")
@click.option("--domain", help="Only those of this host.")
@click.option("--campaign", help="Only those of this campaign.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--search", "q", help="Only those with this text in slug, title or destination.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON, one a line.")
@click.pass_obj
def list_(settings: CliSettings, /, limit: int, as_json: bool, **wanted: str | None) -> None:
    """List links, the newest first."""
    asked: dict[str, str | int] = {name: value for name, value in wanted.items() if value}
    with _client(settings) as client:
        links = [link for link, _ in zip(client.links(limit=min(limit, 1000), **asked), range(limit), strict=False)]
    if as_json:
        for link in links:
            click.echo(json.dumps(link))
        return
    columns = (Column("id", no_wrap=True, min_width=16), *(Column(name, overflow="fold") for name in COLUMNS))
    table = Table(*columns, box=None, header_style="bold")
    for link in links:
        cells = (f"{link['domain']}/{link['slug']}", link["destination"], link["title"], ", ".join(link["tags"]))
        table.add_row(link["id"], *map(printable, cells), str(link["version"]))
    Console().print(table if links else "There are no such links.")


@command.command()
@click.argument("link")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def show(settings: CliSettings, link: str, as_json: bool) -> None:
    """Show a link; LINK is its id or domain/slug."""
    with _client(settings) as client:
        _print_link(client.link(_id(link)), as_json)


@command.command()
@click.argument("link")
@click.option("--destination", help="Where it leads.")
@with_fields
@click.option("--if-version", type=int, help="Only if this is its version.")
@click.option("--json", "as_json", is_flag=True, help="Print the changed link as JSON.")
@click.pass_obj
def update(settings: CliSettings, /, link: str, as_json: bool, **fields: Any) -> None:  # noqa: ANN401 - click's options
    """Change a link; LINK is its id or domain/slug."""
    given = _given(fields)
    if not given.keys() - {"if_version"}:
        raise click.UsageError("Say what to change, as --title or --destination.")
    with _client(settings) as client:
        changed = client.change_link(_id(link), given)
    _print_link(changed, as_json)


@command.command()
@click.argument("link")
@click.pass_obj
def delete(settings: CliSettings, link: str) -> None:
    """Delete a link; LINK is its id or domain/slug."""
    with _client(settings) as client:
        client.delete_link(_id(link))
    click.echo(f"Deleted {link}.")


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--all-or-nothing", is_flag=True, help="Make no link if one can't be made.")
@click.option("--json", "as_json", is_flag=True, help="Print what became of the file as JSON.")
@click.pass_obj
def import_(settings: CliSettings, file: Path, all_or_nothing: bool, as_json: bool) -> None:
    """Make the links of FILE: .csv with a header line, .json (a list) or .ndjson.

    Columns are the fields of a link: destination, slug, domain, title, tags (joined by |), campaign, …
    """
    try:
        rows = list(read_rows(file))
    except FileError as error:
        raise click.ClickException(str(error)) from None
    with _client(settings) as client, _progress(len(rows) * (2 if all_or_nothing else 1)) as advance:
        work = import_all_or_nothing if all_or_nothing else import_rows
        outcome = work(client, rows, advance)
    _print_outcome(outcome, as_json)
    if not outcome.complete:
        raise click.exceptions.Exit(1)


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--domain", help="Only those of this host.")
@click.option("--campaign", help="Only those of this campaign.")
@click.option("--tag", help="Only those with this tag.")
@click.pass_obj
def export(settings: CliSettings, /, file: Path, **wanted: str | None) -> None:
    """Write the links to FILE (.csv, .json or .ndjson), as `weir links import` reads them.

    The file has what a link is made from; versions and times of change are not in it.
    """
    asked: dict[str, str | int] = {name: value for name, value in wanted.items() if value}
    try:
        with _client(settings) as client, _progress(client.count_links(**asked)) as advance:
            count = write_links(file, client.links(limit=1000, **asked), advance)
    except FileError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"`{file}` can't be written: {error.strerror}.") from None
    click.echo(f"{count} links written to {file}.")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Something to tell how many are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Links", total=total)
        yield lambda done: bar.advance(task, done)


@contextmanager
def _client(settings: CliSettings) -> Iterator[Client]:
    """The API's client; its failures become click's."""
    try:
        with api_client(settings) as client:
            yield client
    except ApiFailure as failure:
        raise click.ClickException(str(failure)) from None


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in fields.items() if value is not None and value != ()}


def _id(link: str) -> str:
    """A link's id, from an id or from domain/slug."""
    if _ID.fullmatch(link):
        return link
    domain, slash, slug = link.partition("/")
    if not (slash and domain and slug):
        raise click.UsageError(f"`{link}` is neither the id of a link (16 hexadecimal digits) nor domain/slug.")
    return link_id(domain.lower(), slug)


def _print_link(link: Link, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(link))
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(printable(link["address"]), "→", printable(link["destination"]), style="bold")
    details = {name: value for name, value in link.items() if value and name not in {"address", "destination"}}
    console.print(printable(", ".join(f"{name} {value}" for name, value in details.items())), style="dim")


def _print_outcome(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        errors = [{"line": line, "error": error} for line, error in outcome.errors]
        facts = {"made": len(outcome.made), "errors": errors, "taken_back": outcome.taken_back}
        click.echo(json.dumps(facts | {"failure": outcome.failure, "unknown": outcome.unknown}))
        return
    for line, error in outcome.errors:
        click.echo(f"line {line}: {error}", err=True)
    if outcome.failure:
        click.echo(f"Ended before its time: {outcome.failure}", err=True)
    if outcome.unknown:
        first, last = min(outcome.unknown), max(outcome.unknown)
        click.echo(
            f"{len(outcome.unknown)} links between line {first} and line {last} were sent and not answered."
            " Import the file again: what is there already is refused, and listed.",
            err=True,
        )
    taken_back = f" {outcome.taken_back} that had been made were deleted again." if outcome.taken_back else ""
    click.echo(f"{len(outcome.made)} links made, {len(outcome.errors)} refused.{taken_back}")
