"""`weir pipeline`: the graph of the stream, with the timings of a running worker."""

import asyncio
import dataclasses
import json

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table

from api.settings import CliSettings
from deploy.graph import Graph, Step, graph, metrics_of, timed
from deploy.logs import LogSettings, configure
from deploy.printable import printable
from streams.own.load import WrongEnricher
from streams.settings import StreamSettings

BAR = 16


@click.command()
@click.option("--worker", metavar="URL", help="Address of the worker whose timings are shown; else WEIR_WORKER.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(worker: str | None, *, as_json: bool) -> None:
    """Print the graph of the stream: topics, agents, and every step of a click in its order, your own enrichers too.

    Where a worker runs, each step is shown with the time that it takes there, in microseconds a click.
    """
    configure(LogSettings(log_level="error"))
    try:
        found = asyncio.run(graph(StreamSettings()))
    except (WrongEnricher, ValueError) as error:
        raise click.ClickException(str(error)) from None
    address = worker or CliSettings().worker
    if (metrics := metrics_of(address)) is not None:
        found = timed(found, address, metrics)
    elif worker:
        raise click.ClickException(f"No worker answers at {worker}.")
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        _print(found, address, Console(highlight=False))


def _print(found: Graph, address: str, console: Console) -> None:
    for agent in found.agents:
        console.print(f"[bold]{', '.join(agent.reads)}[/] ──► [cyan]{agent.name}[/] ──► {', '.join(agent.writes)}")
        console.print(Padding(agent.purpose, (0, 0, 1, 4)), style="dim")
    console.print(_steps(found.steps))
    if found.worker is None:
        console.print(f"\n[dim]No worker answers at {address} (WEIR_WORKER), so there are no times.[/]")
    else:
        console.print(f"\n[dim]By the worker at {found.worker}, over {found.rows:,} rows since it started.[/]")
    if found.offered:
        console.print(f"[dim]Installed, and not named in WEIR_ENRICHERS: {', '.join(found.offered)}.[/]")


def _steps(steps: tuple[Step, ...]) -> Table:
    table = Table(Column("Step of a click", overflow="fold"), "", "µs a click", "", box=None, header_style="bold")
    most = max((step.micros or 0 for step in steps), default=0)
    for step in steps:
        skipped = f", {step.skipped:,} skipped" if step.skipped else ""
        time = "" if step.micros is None else f"{step.micros:.2f}"
        bar = "█" * round(BAR * (step.micros or 0) / most) if most else ""
        table.add_row(printable(step.name), "own" + skipped if step.own else "", time, f"[cyan]{bar}[/]")
    return table
