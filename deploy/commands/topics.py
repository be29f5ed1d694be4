"""`weir topics`: make the topics that Weir needs, and check those that are there."""

import dataclasses
import json

import click
from rich.console import Console
from rich.table import Table

from deploy.topics import Found, State, ensure, refuse_wrong
from ingest.kafka import KafkaSettings


@click.command()
@click.option("--check", is_flag=True, help="Make nothing; exit with 1 where a topic is missing or wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, check: bool, as_json: bool) -> None:
    """Make the topics that Weir needs, and check those that are there.

    A topic that exists is never changed: what does not fit is named, with the command that mends it.
    """
    settings = KafkaSettings()
    if settings.kafka_mock:
        raise click.ClickException("The mock cluster (WEIR_KAFKA_MOCK) has no topic settings: nothing to check.")
    found = ensure(settings, make=not check)
    click.echo(json.dumps([dataclasses.asdict(topic) for topic in found], indent=2)) if as_json else _print(found)
    refuse_wrong(found)
    if any(topic.state is State.MISSING for topic in found):
        raise click.ClickException("Topics are missing; `weir topics` makes them.")


def _print(found: list[Found]) -> None:
    table = Table("Topic", "", "Partitions", "What it holds", box=None, header_style="bold")
    for topic in found:
        table.add_row(topic.topic, topic.state, str(topic.partitions or ""), topic.purpose)
    Console().print(table)
