"""What the demo shows: sent against counted, the answers with bars, and where to look further."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from api.client import Client
from deploy.commands.query import bar
from deploy.demo import Sent
from deploy.printable import printable
from deploy.stack import Stack
from deploy.traffic.count import Comparison
from deploy.traffic.request import Kind
from warehouse.audit.findings import Audit
from warehouse.embedded.settings import EmbeddedSettings
from warehouse.events import COUNTED, Outcome

HALF = 38
"""Columns of one of two tables beside each other on a terminal of 80."""
BAR_WIDTH = 8
SHOWN_PROBLEMS = 5

QUESTIONS = (
    (("Channel", ("channel",), 16), ("Country, city", ("country", "city"), 16)),
    (("Device", ("device",), 6), ("Position", ("placement",), 6)),
)
"""Pairs of tables that stand beside each other: title, dimensions, rows at the most."""


def show_comparison(found: Comparison, sent: Sent, console: Console) -> None:
    """Sent against counted, by the generator's own kinds and the outcomes in ClickHouse."""
    outcomes = [outcome.value for outcome in reversed(Outcome) if any(of == outcome for _, of in found.outcomes)]
    table = Table(box=None, header_style="bold", show_footer=True, footer_style="bold", pad_edge=False)
    table.add_column("sent as", footer="all")
    table.add_column("sent", justify="right", footer=f"{found.sent.total():,}")
    for outcome in outcomes:
        total = sum(count for (_, of), count in found.outcomes.items() if of == outcome)
        table.add_column(outcome, justify="right", footer=f"{total:,}", style="green" if outcome in COUNTED else "")
    for kind in Kind:
        if found.sent[kind]:
            cells = [found.outcomes[kind, outcome] for outcome in outcomes]
            table.add_row(kind, f"{found.sent[kind]:,}", *(f"{cell:,}" if cell else "·" for cell in cells))
    console.print()
    console.print("[bold]Sent against counted[/], joined by click id")
    console.print(table)
    show_verdict(found, sent, console)


def show_verdict(found: Comparison, sent: Sent, console: Console) -> None:
    """Whether every click that was sent is counted once; and where the stream saw what the generator meant."""
    wrong = f"{len(found.missing):,} missing, {len(found.doubled):,} doubled, {len(found.unasked):,} that should not be"
    rate = sent.requests / max(sent.seconds, 0.001)
    said = f"{found.sent.total():,} sent at {rate:,.0f} requests/s, each of them one row" if found.adds_up else wrong
    console.print(f"[bold green]✔[/] {said}" if found.adds_up else f"[bold red]✘ {said}[/]", highlight=False)
    for record in [*found.missing, *found.doubled, *found.unasked][:SHOWN_PROBLEMS]:
        console.print(f"  {record.kind} {record.click_id} {record.target[:80]}", markup=False, highlight=False)
    if found.unanswered:
        console.print(f"[yellow]![/] {found.unanswered:,} requests were not answered, and may be counted or not.")
    agreed = [f"{name} {share(of.agreed, of.compared)}" for name, of in sorted(found.fields.items())]
    console.print(f"[dim]As the sender meant it: {', '.join(agreed)}[/]", highlight=False)


def share(part: int, whole: int) -> str:
    """A percentage that says 100 only when it is all."""
    if part == whole:
        return "100%"
    return f"{min(100 * part / max(whole, 1), 99.9):.1f}%"


def show_answers(client: Client, sent: Sent, console: Console) -> None:
    """The tables of this run's clicks, as the API answers; raises `api.client.ApiFailure`."""
    until = max(record.sent_at for record in sent.records) + 60_000
    moments = [datetime.fromtimestamp(ts / 1000, UTC).isoformat() for ts in (sent.since, until)]
    for left, right in QUESTIONS:
        grid = Table.grid(padding=(0, 3, 0, 0))
        grid.add_row(_answer(client, moments, *left), _answer(client, moments, *right))
        console.print()
        console.print(grid)


def show_attributions(attributions: Sequence[str], console: Console) -> None:
    """The licences of the geo databases want to be named beside what comes from them."""
    if attributions:
        console.print(f"[dim]Places and networks: {escape(', '.join(attributions))}[/]", highlight=False)


def _answer(client: Client, moments: Sequence[str], title: str, dimensions: Sequence[str], rows: int) -> RenderableType:
    answer = client.query(
        {
            "metrics": ["clicks", "share"],
            "dimensions": list(dimensions),
            "date_range": list(moments),
            "pagination": {"limit": rows},
        }
    )
    return bars(title, [(_name(row["dimensions"]), *row["metrics"]) for row in answer["results"]])


def bars(title: str, rows: Sequence[tuple[Text, int, float | None]]) -> Table:
    """A table of (name, clicks, percentage) with bars, half a terminal wide."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", width=HALF)
    table.add_column(title, no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("clicks", justify="right")
    table.add_column("", justify="right")
    table.add_column("", width=BAR_WIDTH, style="cyan")
    most = max((clicks for _, clicks, _ in rows), default=0)
    for name, clicks, percentage in rows:
        table.add_row(name, f"{clicks:,}", f"{percentage or 0:.0f}%", bar(clicks, most, BAR_WIDTH))
    return table


def _name(dimensions: Sequence[Any]) -> Text:
    known = [str(value) for value in dimensions if value != ""]
    return printable(" ".join(known) or "(unknown)")


def show_ledger(ledger: Audit, console: Console) -> None:
    """The audit in two lines; `weir audit` has the whole of it."""
    rows = sum(partition.rows for partition in ledger.partitions)
    missing = sum(partition.missing for partition in ledger.partitions)
    doubled = sum(partition.doubled for partition in ledger.partitions)
    mark, verdict = ("[bold green]✔[/]", "adds up") if ledger.adds_up else ("[bold red]✘[/]", "does not add up")
    console.print(
        f"\n{mark} [bold]The ledger {verdict}[/]: {rows:,} rows of {len(ledger.partitions)} partitions of the log,"
        f" {missing:,} offsets missing, {doubled:,} doubled.",
        highlight=False,
    )


def show_addresses(stack: Stack, console: Console, *, stopping: bool) -> None:
    """Where to go from here, each with a command that works as it stands."""
    when = f" (once it is up again: `weir up --data {shlex.quote(str(stack.folder.path))}`)" if stopping else ""
    console.print(f"\n[bold]Look further[/]{escape(when)}", highlight=False, soft_wrap=True)
    for name, address, command in looks(stack):
        console.print(f"[bold]{name}[/]  {escape(address)}", highlight=False)
        console.print(f"  {command}", style="dim", markup=False, highlight=False, soft_wrap=True)


def looks(stack: Stack) -> list[tuple[str, str, str]]:
    """(part, address, command)."""
    where = stack.addresses
    ask = '{"metrics": ["clicks", "visitors"], "dimensions": ["channel"], "date_range": "day"}'
    sql = "SELECT channel, count() FROM weir.events GROUP BY 1 ORDER BY 2 DESC FORMAT PrettyCompact"
    reader = EmbeddedSettings().reader
    user = f"{reader}:{stack.folder.password('reader')}"
    return [
        ("Redirector", where.redirector, f"curl -si {where.redirector}/spring"),
        ("API", where.api, f"curl -s {where.api}/v1/query -H 'content-type: application/json' -d {shlex.quote(ask)}"),
        ("ClickHouse", where.clickhouse, f"curl -s {where.clickhouse} -u {shlex.quote(user)} -d {shlex.quote(sql)}"),
    ]
