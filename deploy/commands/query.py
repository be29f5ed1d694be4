"""`weir query`: ask the API, and print a table with bars or any format; or follow the clicks as they come."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from api.client import ApiFailure, QueryAnswer
from api.errors import BadRequest
from api.formats.choose import FORMATS
from api.query.address import COMPARED
from api.query.shorthand import read_filter
from api.settings import CliSettings
from deploy.connected import api_client
from deploy.follow import follow
from deploy.printable import printable

BAR = 24
EIGHTHS = " ▏▎▍▌▋▊▉"


@click.command()
@click.option("--metrics", default="clicks,visitors", show_default=True, help="What is counted, joined by commas.")
@click.option("--by", "dimensions", default="", help="What it is broken down by, joined by commas, as channel,device.")
@click.option("--range", "range_", default="7d", show_default=True, help="day, 7d, 24h, month, 12mo, all …")
@click.option("--from", "from_", metavar="DATE", help="First day or moment, instead of --range.")
@click.option("--to", metavar="DATE", help="Last day (included) or moment (excluded).")
@click.option(
    "--filter", "filters", multiple=True, help="As channel=Email, country!=CH|AT, referrer~google; all must hold."
)
@click.option("--zone", default="", help="IANA time zone; the installation's unless given.")
@click.option("--order", help="Metric or dimension to sort by, as clicks or channel:asc.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Rows at most.")
@click.option("--compare", type=click.Choice(COMPARED), help="How each number changed since that range.")
@click.option("--exact", is_flag=True, help="Count visitors exactly, at a higher cost.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", *FORMATS]),
    default="table",
    show_default=True,
    help="How the answer is printed.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--live", is_flag=True, help="Follow the clicks that pass --filter as they come; with --json as events.")
@click.option("--api", metavar="URL", help="Address of the API; else WEIR_API.")
def command(format_: str, as_json: bool, live: bool, api: str | None, **asked: Any) -> None:  # noqa: ANN401 - click's
    """Ask the API, and print a table with bars."""
    format_ = "json" if as_json else format_
    body = _body(**asked)
    try:
        with api_client(CliSettings(api=api) if api else CliSettings()) as client:
            if live:
                follow(client.live(filter=[*asked["filters"]]), as_json=format_ == "json")
            elif format_ in {"table", "json"}:
                _print(client.query(body), as_json=format_ == "json")
            else:
                _write(client.query_as(body, format_), is_text=FORMATS[format_].is_text)
    except ApiFailure as failure:
        raise click.ClickException(str(failure)) from None


def _write(body: bytes, *, is_text: bool) -> None:
    if not is_text and sys.stdout.isatty():
        raise click.UsageError("This format is no text: send it to a file, as `weir query … > answer.parquet`.")
    click.echo(body, nl=False)


def _body(*, metrics: str, dimensions: str, zone: str, limit: int, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - the rest
    """The options → the body of `POST /v1/query`."""
    return {
        "metrics": metrics.split(","),
        "dimensions": [part for part in dimensions.split(",") if part],
        "filters": _filters(asked["filters"]),
        "date_range": _range(asked["range_"], asked["from_"], asked["to"]),
        "time_zone": zone,
        "order_by": [_order(asked["order"])] if asked["order"] else [],
        "pagination": {"limit": limit},
        "exact": asked["exact"],
        "include": {"total_rows": True, "totals": True} | _compared(asked["compare"]),
    }


def _compared(mode: str | None) -> dict[str, Any]:
    return {"comparisons": {"mode": mode}} if mode else {}


def _filters(texts: Sequence[str]) -> list[list[Any]]:
    try:
        return [read_filter(text, "--filter") for text in texts]
    except BadRequest as error:
        raise click.UsageError(f"{error.message} {error.hint}") from None


def _range(preset: str, start: str | None, end: str | None) -> str | list[str]:
    if start and end:
        return [start, end]
    if start or end:
        raise click.UsageError("--from and --to go together.")
    return preset


def _order(text: str) -> list[str]:
    """`clicks`, `clicks:asc`, `time:day`, `time:day:asc` → name and direction."""
    name, _, direction = text.rpartition(":")
    return [name, direction] if name and direction in {"asc", "desc"} else [text, "desc"]


def bar(value: float, most: float, width: int = BAR) -> str:
    """A bar as long as the value's part of the greatest one, which is `width` wide, in eighths of a character."""
    eighths = round(width * 8 * value / most) if most > 0 else 0
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _print(answer: QueryAnswer, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    console = Console()
    console.print(_table(answer))
    _print_notes(console, answer, len(answer["results"]))


def _table(answer: QueryAnswer) -> Table:
    """A row a group; where ranges are compared, each metric has its change beside it."""
    query, meta, results = answer["query"], answer["meta"], answer["results"]
    compared = meta.get("comparison")
    table = Table(box=None, header_style="bold", footer_style="dim", show_footer=bool(query["dimensions"]))
    for index, name in enumerate(query["dimensions"]):
        table.add_column(name, footer="" if index else "all")
    for name, total in zip(query["metrics"], meta["totals"], strict=True):
        table.add_column(name, justify="right", footer=_number(total))
    for change in compared["change"] if compared else []:
        table.add_column("change", justify="right", footer=_change(change))
    table.add_column("")
    most = max((row["metrics"][0] or 0 for row in results), default=0)
    for row in results:
        names = [printable(value if value != "" else "(none)") for value in row["dimensions"]]
        beside = (row.get("comparison") or {}).get("change", [None] * len(row["metrics"])) if compared else []
        numbers = [*map(_number, row["metrics"]), *map(_change, beside)]
        table.add_row(*names, *numbers, bar(row["metrics"][0] or 0, most))
    return table


def _print_notes(console: Console, answer: QueryAnswer, shown: int) -> None:
    meta, query = answer["meta"], answer["query"]
    start, end = query["date_range"]
    left_out = ", ".join(f"{count:,} {name}" for name, count in meta["left_out"].items() if count)
    notes = [
        f"{start} to {end} ({query['time_zone']}); {meta['rows_read']:,} rows read in {meta['elapsed_ms']:.0f} ms.",
        f"Not counted as clicks: {left_out}." if left_out else "",
        f"{meta['total_rows'] - shown} more rows: --limit." if meta["total_rows"] > shown else "",
        *(warning["message"] for warning in meta["warnings"]),
    ]
    for note in filter(None, notes):
        console.print(note, style="dim", highlight=False)


def _change(value: float | None) -> str:
    return "–" if value is None else f"{value:+,.1f}%"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,}"
