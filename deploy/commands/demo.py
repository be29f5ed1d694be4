"""`weir demo`: from nothing to an answer."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from api.client import ApiFailure
from api.settings import CliSettings
from deploy import demo, demo_tables
from deploy.commands import audit
from deploy.commands.up import ended_by_signals
from deploy.connected import api_client
from deploy.display import Display
from deploy.settings import StackSettings
from deploy.stack import Stack
from deploy.traffic.agents import NoAgents
from deploy.traffic.links import LinksRefused, make_links, wait_for_links
from deploy.traffic.mix import load_mix
from warehouse.client import WarehouseUnavailable

FAILURES = (ApiFailure, LinksRefused, NoAgents, WarehouseUnavailable, OSError)
AUDIT_SECONDS = 20.0


@click.command()
@click.option("--once", is_flag=True, help="Stop at the end; else the stack stays up until Ctrl-C.")
@click.option("--clicks", type=click.IntRange(1, 1_000_000), default=5000, show_default=True, help="Clicks to send.")
@click.option("--rate", type=click.FloatRange(0), default=1000.0, show_default=True, help="Requests/s; 0: no limit.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed sends the same clicks.")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder [default: WEIR_DATA, or weir-data]."
)
@click.option(
    "--broker", type=click.Choice(["auto", "kafka", "mock"]), help="Apache Kafka, or a mock that needs no Java."
)
@click.option("--geo/--no-geo", "with_geo", default=True, help="Fetch geo databases first (140 MB), or go without.")
def command(
    *, once: bool, clicks: int, rate: float, seed: int, data: Path | None, broker: str | None, with_geo: bool
) -> None:
    """From nothing to an answer: databases, stack, links, traffic, and what was counted of it.

    Exits with 1 where a click that was sent is not counted, or is counted twice.
    """
    given: dict[str, Any] = {"data": data, "broker": broker}  # StackSettings checks them
    settings = StackSettings(**{name: value for name, value in given.items() if value is not None})
    console = Console()
    geo = settings.data.absolute() / "geo"
    right = False
    with contextlib.suppress(KeyboardInterrupt), ended_by_signals():
        if with_geo:
            demo.pull_geo(geo, console)
        with Display(console) as display, Stack(settings, display.show, demo.settings_of(geo)) as stack:
            try:
                right = _show(stack, console, geo, seed=seed, clicks=clicks, rate=rate)
            except FAILURES as error:
                raise click.ClickException(f"{error}\nThe services' logs are in {stack.logs}.") from None
            demo_tables.show_addresses(stack, console, stopping=once)
            if not once:
                console.print("\nThe stack stays up; Ctrl-C stops it.")
                stack.wait()
    sys.exit(0 if right else 1)


def _show(stack: Stack, console: Console, geo: Path, *, seed: int, clicks: int, rate: float) -> bool:
    """Links, traffic, count, answers, audit; whether everything adds up."""
    target, mix = demo.target_of(stack), load_mix()
    with api_client(CliSettings(api=stack.addresses.api)) as client:
        made = make_links(client, mix, target.domain)
        wait_for_links(target, mix)
        console.print(f"[green]✔[/] [bold]{'links':<11}[/] {len(mix.links)} in {target.domain}, {made} of them new")
        sent = demo.send_traffic(
            target, stack.folder.path / "sent.ndjson", seed=seed, clicks=clicks, rate=rate, console=console
        )
        found = demo.count(stack, sent, console)
        demo_tables.show_comparison(found, sent, console)
        demo_tables.show_answers(client, sent, console)
    demo_tables.show_attributions(demo.attributions(geo), console)
    ledger = audit.take(audit.AuditSettings(**{**dict(stack.kafka), **dict(stack.warehouse)}), AUDIT_SECONDS)
    demo_tables.show_ledger(ledger, console)
    return found.adds_up and ledger.adds_up
