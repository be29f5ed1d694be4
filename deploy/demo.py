"""The demo: from nothing to an answer, with a proof at its end that every click that was sent is counted.

Each step is a function of its own; `weir demo` runs them in order and keeps the stack up between.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from clickhouse_connect.driver.client import Client as Warehouse
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.commands.data import Bar
from deploy.geodata import installed, pull, read_sets
from deploy.packages import PullError
from deploy.stack import Stack
from deploy.traffic.count import Comparison, Row, compare, fetch
from deploy.traffic.manifest import Manifest, Record, read_manifest
from deploy.traffic.run import Run, run
from deploy.traffic.sender import Target
from warehouse.client import connect

DOMAIN = "localhost"
WAIT_SECONDS = 90.0
"""A count that has not moved for so long will not."""
TRUST_AND_SHOW = {"WEIR_TRUSTED_PROXIES": "127.0.0.0/8", "WEIR_SHOW_CLICK_ID": "true"}
"""The redirector of the demo believes this machine about visitors' addresses, and names each click."""
CLOCK_SLACK_MS = 1000


@dataclasses.dataclass(frozen=True)
class Sent:
    """What was sent, and since when."""

    records: Sequence[Record]
    since: int
    """Unix milliseconds."""
    seconds: float
    requests: int


def settings_of(geo: Path) -> dict[str, str]:
    """What the demo's services are told beyond `weir up`: where the geo databases are, whom to trust."""
    return {"WEIR_GEO_DIR": str(geo), **TRUST_AND_SHOW}


def pull_geo(directory: Path, console: Console) -> None:
    """Fetch the geo databases that are not there yet; without them, countries stay empty and the demo goes on."""
    for name, wanted in read_sets().items():
        if installed(directory, wanted):
            continue
        columns = (
            TextColumn("Fetching [bold]{task.description}[/] {task.fields[step]}"),
            BarColumn(),
            TimeElapsedColumn(),
        )
        try:
            with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
                pull(wanted, directory, Bar(progress, name))
        except (PullError, OSError) as error:
            console.print(f"[yellow]![/] {name}: {escape(str(error))}\n  Going on without it.")
            continue
        console.print(f"[green]✔[/] [bold]{name:<11}[/] {escape(wanted.attribution)}")


def attributions(directory: Path) -> list[str]:
    """What has to be shown beside countries and cities, of the databases that are there."""
    there = [wanted.attribution for wanted in read_sets().values() if installed(directory, wanted)]
    return list(dict.fromkeys(name for attribution in there for name in attribution.split(", ")))


def target_of(stack: Stack) -> Target:
    """The stack's redirector."""
    url = urlsplit(stack.addresses.redirector)
    return Target(url.hostname or "", url.port or 80, DOMAIN)


def send_traffic(target: Target, manifest_path: Path, *, seed: int, clicks: int, rate: float, console: Console) -> Sent:
    """Send the clicks and remember them; raises `OSError` and `agents.NoAgents`."""
    since = time.time_ns() // 1_000_000 - CLOCK_SLACK_MS
    with Manifest(manifest_path) as manifest:
        seconds = run(Run(target, seed, clicks, rate), manifest, console)
    return Sent(list(read_manifest(manifest_path)), since, seconds, manifest.answers.total())


def count(stack: Stack, sent: Sent, console: Console) -> Comparison:
    """Wait until all that was sent is counted, or nothing has moved for a while, and compare."""
    with _warehouse(stack) as client:
        rows = _settled(lambda: fetch(client, sent.since), sent, console)
    return compare(sent.records, rows, DOMAIN)


def _settled(rows: Callable[[], list[Row]], sent: Sent, console: Console) -> list[Row]:
    """The rows when each expected one is there, or their number has stopped growing."""
    wanted = {record.click_id for record in sent.records if record.row and record.status}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Counting", total=len(wanted))
        counted, moved = 0, time.monotonic()
        while True:
            found = rows()
            now_counted = len(wanted & {row.id for row in found})
            progress.update(task, completed=now_counted)
            if now_counted > counted:
                counted, moved = now_counted, time.monotonic()
            if counted == len(wanted) or time.monotonic() - moved > WAIT_SECONDS:
                return found
            time.sleep(0.25)


@contextmanager
def _warehouse(stack: Stack) -> Iterator[Warehouse]:
    client = connect(stack.warehouse)
    try:
        yield client
    finally:
        client.close()
