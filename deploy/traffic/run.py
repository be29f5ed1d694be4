"""A plan sent from beginning to end with a progress bar, and the sums of what came of it."""

import asyncio
import dataclasses
import statistics
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deploy.traffic.manifest import Manifest
from deploy.traffic.mix import load_mix, load_networks
from deploy.traffic.plan import Planner
from deploy.traffic.request import Kind
from deploy.traffic.sender import Target, send


@dataclasses.dataclass(frozen=True)
class Run:
    """What to send where."""

    target: Target
    seed: int
    clicks: int
    """Requests that leave a row; HEADs and what is refused come on top."""
    rate: float = 0.0
    """Requests/s; 0: as fast as answers come."""
    connections: int = 16


def run(what: Run, manifest: Manifest, console: Console) -> float:
    """Send it; returns the seconds that it took. Raises `OSError` and `agents.NoAgents`."""
    planner = Planner(load_mix(), load_networks(), seed=what.seed, now=int(time.time()))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    started = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Sending clicks", total=what.clicks)

        async def sending() -> None:
            visits = planner.visits(what.clicks)
            sender = asyncio.create_task(
                send(visits, what.target, rate=what.rate, connections=what.connections, record=manifest.add)
            )
            while not sender.done():
                await asyncio.wait({sender}, timeout=0.2)
                progress.update(task, completed=manifest.rows)
            await sender

        asyncio.run(sending())
    return time.monotonic() - started


def summarise(what: Run, manifest: Manifest, seconds: float, path: Path) -> dict[str, Any]:
    """The sums as JSON has them."""
    answers, requests = manifest.answers, manifest.answers.total()
    quantiles = statistics.quantiles(manifest.seconds, n=100) if len(manifest.seconds) > 1 else [0.0] * 99
    return {
        "seed": what.seed,
        "requests": requests,
        "rows_expected": manifest.rows,
        "unanswered": sum(count for (_, status), count in answers.items() if status == 0),
        "server_errors": sum(count for (_, status), count in answers.items() if status >= 500),
        "seconds": round(seconds, 3),
        "requests_per_second": round(requests / max(seconds, 0.001)),
        "p50_ms": round(quantiles[49] * 1000, 2),
        "p99_ms": round(quantiles[98] * 1000, 2),
        "kinds": {
            kind.value: {str(status): count for (of, status), count in sorted(answers.items()) if of is kind}
            for kind in Kind
            if any(of is kind for of, _ in answers)
        },
        "manifest": str(path),
    }


def show(summary: dict[str, Any], out: Console) -> None:
    """The sums as a person reads them."""
    table = Table("sent as", "requests", "answered with", box=None, header_style="bold")
    table.columns[1].justify = "right"
    for kind, statuses in summary["kinds"].items():
        answered = [f"{count:,} × {'nothing' if status == '0' else status}" for status, count in statuses.items()]
        table.add_row(kind, f"{sum(statuses.values()):,}", ", ".join(answered))
    out.print(table)
    out.print(
        f"{summary['requests']:,} requests in {summary['seconds']:.1f} s ({summary['requests_per_second']:,}/s;"
        f" p50 {summary['p50_ms']} ms, p99 {summary['p99_ms']} ms)."
    )
    out.print(f"{summary['rows_expected']:,} of them must each be one row.")
