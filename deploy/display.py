"""What the terminal shows while the stack starts, runs and stops: a line for each thing that has happened."""

import dataclasses
import threading
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.stack import Stack
from deploy.supervisor import Notice, What

LINES = {
    What.READY: "[green]✔[/] {name} {detail}",
    What.WARNING: "[yellow]![/] {name} {detail}",
    What.DIED: "[red]✘[/] {name} {detail}",
    What.GAVE_UP: "[red]✘[/] {name} given up: {detail}",
    What.STOPPED: "[dim]■[/] {name} stopped",
    What.KILLED: "[red]■[/] {name} killed: {detail}",
}
"""What is written down and stays; the rest is shown while it lasts."""

NAMES = {"redirector": "Redirector", "api": "API", "clickhouse": "ClickHouse", "kafka": "Kafka"}

BUSY = {What.STARTING: "starting", What.RESTARTING: "starting again", What.STOPPING: "stopping"}


class Display:
    """A line of what is under way, and above it what came of it; on no terminal only the latter."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")
        self._busy: dict[str, str] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def show(self, notice: Notice) -> None:
        """Show one thing that happened; from any thread."""
        with self._lock:
            if notice.what in BUSY:
                self._busy[notice.service] = f"{BUSY[notice.what]} {notice.service} {notice.detail}".rstrip()
            elif notice.what is not What.WARNING:
                self._busy.pop(notice.service, None)
            if self._busy:
                self._status.update(escape(" · ".join(self._busy.values())))
                self._status.start()
            else:
                self._status.stop()
            if line := LINES.get(notice.what):
                self._console.print(line.format(name=f"[bold]{notice.service:<11}[/]", detail=escape(notice.detail)))


def show_addresses(stack: Stack, console: Console) -> None:
    """Say where to go from here."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    for name, address in dataclasses.asdict(stack.addresses).items():
        table.add_row(NAMES[name], address)
    table.add_row("Logs", str(stack.logs))
    console.print()
    console.print(table)
    console.print("\n[dim]Other commands find it by themselves: `weir links add …`. Ctrl-C stops it.[/]")
