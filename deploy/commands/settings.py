"""`weir settings`: every setting of every service."""

import dataclasses
import json

import click
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from deploy.reference import settings_page
from deploy.settings import Setting, every_setting


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print the page docs/settings.md.")
def command(*, as_json: bool, markdown: bool) -> None:
    """Print every setting: its variable, default and meaning, and who reads it."""
    settings = every_setting()
    if markdown:
        click.echo(settings_page(), nl=False)
    elif as_json:
        click.echo(json.dumps([dataclasses.asdict(setting) for setting in settings], indent=2))
    else:
        _print(settings, Console())


def _print(settings: list[Setting], console: Console) -> None:
    """Groups by who reads them, in which each setting has a line of its own and its meaning below."""
    for services in dict.fromkeys(setting.services for setting in settings):
        console.print(f"\n[bold]{', '.join(services)}[/]")
        for setting in (setting for setting in settings if setting.services == services):
            default = f" = {escape(setting.default)}" if setting.default else ""
            console.print(f"  [cyan]{setting.variable}[/]{default}", highlight=False)
            console.print(Padding(escape(setting.help), (0, 0, 0, 6)), style="dim")
