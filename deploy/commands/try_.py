"""`weir try`: what each step makes of sample clicks, and why they count as what they do."""

import asyncio
import sys
import time
from typing import IO

import click
from rich.console import Console

from deploy.logs import LogSettings, configure
from deploy.trial import BadLine, Line, NoLedger, attempt, read
from deploy.trial_report import as_json_lines, show
from streams.own.load import WrongEnricher
from streams.pipeline import click_chain
from streams.settings import StreamSettings


@click.command("try")
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print an enriched click a line, in order.")
def command(file: IO[bytes], *, as_json: bool) -> None:
    """Show, click by click, what each step adds to the clicks of FILE (`-`: stdin), and why they count as they do.

    FILE has a raw click a line, as JSON (docs/raw-click.schema.json); what is absent has its default, and the time is
    now. The whole file is one partition's log, so that repeats, bursts and the hold are judged in it; nothing is stored
    or sent. The settings are the worker's, your own enrichers (WEIR_ENRICHERS) among them. A line that is no raw click
    is named on stderr, the others go on, and the exit code is 1.
    """
    configure(LogSettings())  # to stderr, so that stdout is the rows'
    settings = StreamSettings()
    try:
        chain = click_chain(settings, NoLedger())
    except (WrongEnricher, ValueError) as error:
        raise click.ClickException(str(error)) from None
    found = list(read(file, int(time.time() * 1000)))
    trial = asyncio.run(attempt([line for line in found if isinstance(line, Line)], chain, settings))
    if as_json:
        for text in as_json_lines(trial):
            click.echo(text)
    else:
        show(trial, Console(highlight=False, soft_wrap=True))
    for line in found:
        _complain(line)
    sys.exit(any(isinstance(line, BadLine) for line in found))


def _complain(line: Line | BadLine) -> None:
    if isinstance(line, BadLine):
        click.echo(f"line {line.number}: {line.reason}", err=True)
    elif line.unknown:
        click.echo(f"line {line.number}: a raw click has no field {', '.join(line.unknown)}; ignored", err=True)
