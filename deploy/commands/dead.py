"""`weir dead`: look at records that could not be decoded or stored, and put back what can be read by now."""

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime

import click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from deploy.connected import connected, first_line
from deploy.group import Group
from deploy.imports.outbox import Outbox, Undelivered
from deploy.letters.replay import replay
from deploy.letters.tables import count_as_dict, letter_as_dict, show_counts, show_letters, show_replayed
from deploy.moment import moment
from ingest.kafka import KafkaSettings
from streams.decode import DeadReason
from warehouse.letters import EPOCH, Chosen, counts, newest
from warehouse.settings import WarehouseSettings

STAGES = ("decode", "insert")


class DeadSettings(KafkaSettings, WarehouseSettings):
    """Where the log and the letters are."""


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime:
    return EPOCH if value is None else moment(value)


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose letters."""
    for option in (
        click.option("--since", callback=_moment, help="Only what Kafka took from this time on."),
        click.option("--stage", "stages", multiple=True, type=click.Choice(STAGES), help="Only of this step."),
        click.option(
            "--reason",
            "reasons",
            multiple=True,
            type=click.Choice([reason.value for reason in DeadReason]),
            help="Only with this reason.",
        ),
    ):
        command = option(command)
    return command


@click.group(cls=Group)
def command() -> None:
    """Look at records that could not be decoded or stored, and put back what can be read by now."""


@command.command()
@choosing
@click.option("--limit", type=click.IntRange(0, 10_000), default=10, show_default=True, help="Letters to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(*, reasons: tuple[str, ...], stages: tuple[str, ...], since: datetime, limit: int, as_json: bool) -> None:
    """How many dead letters there are, by step and reason, and the newest of them.

    Addresses in a payload are cut to their networks.
    """
    chosen = Chosen(stages, reasons, since)
    with _connected(DeadSettings()) as client:
        found, letters = counts(client, chosen), newest(client, chosen, limit)
    if as_json:
        lists = {"counts": [*map(count_as_dict, found)], "letters": [*map(letter_as_dict, letters)]}
        click.echo(json.dumps(lists, indent=2))
        return
    console = Console(soft_wrap=True)
    show_counts(found, console)
    show_letters(letters, console)


@command.command("replay")
@choosing
@click.option("--dry-run", is_flag=True, help="Send nothing; say what can be read by now.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def put_back(
    *, reasons: tuple[str, ...], stages: tuple[str, ...], since: datetime, dry_run: bool, as_json: bool
) -> None:
    """Put letters that today's decoder can read back into the stream.

    Each keeps its number and counts once, also if this is run twice or interrupted: the same command goes on with what
    is left. The workers have to be of this version.
    """
    settings, chosen = DeadSettings(), Chosen(stages, reasons, since)
    try:
        with _connected(settings) as client:
            outbox = None if dry_run else Outbox(settings)
            total = sum(count.letters - count.replayed for count in counts(client, chosen))
            with _progress(total) as tell:
                found = replay(client, chosen, outbox, tell)
    except Undelivered as error:
        raise click.ClickException(f"{error}\nRun it again when Kafka is back: what was sent counts once.") from None
    if as_json:
        click.echo(json.dumps(found.as_dict()))
    else:
        show_replayed(found, Console(soft_wrap=True), dry_run=dry_run)


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    columns = (TextColumn("letters"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.advance(task, done)


@contextlib.contextmanager
def _connected(settings: WarehouseSettings) -> Iterator[Client]:
    with connected(settings) as client:
        try:
            yield client
        except (ClickHouseError, OSError) as error:
            raise click.ClickException(
                f"ClickHouse at {settings.clickhouse}: {first_line(error)}\n"
                "If Weir is newer than the tables, run `weir migrate`."
            ) from error
