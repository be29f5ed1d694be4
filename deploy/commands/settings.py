"""`weir settings`: every setting of every service."""

import dataclasses
import json
from itertools import groupby
from operator import attrgetter

import click
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from deploy.settings import Setting, every_setting


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, as_json: bool) -> None:
    """Print every setting: its variable, default and meaning, and who reads it."""
    settings = every_setting()
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(setting) for setting in settings], indent=2))
    else:
        _print(settings, Console())


def _print(settings: list[Setting], console: Console) -> None:
    """Groups by who reads them, in which each setting has a line of its own and its meaning below."""
    for services, group in groupby(settings, key=attrgetter("services")):
        console.print(f"\n[bold]{', '.join(services)}[/]")
        for setting in group:
            default = f" = {escape(setting.default)}" if setting.default else ""
            console.print(f"  [cyan]{setting.variable}[/]{default}", highlight=False)
            console.print(Padding(escape(setting.help), (0, 0, 0, 6)), style="dim")
