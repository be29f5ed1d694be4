"""`weir import-log`: a web server's access log becomes clicks, at their own times, once."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deploy.imports.clicks import Clicks
from deploy.imports.lines import Log
from deploy.imports.outbox import Outbox, Undelivered
from deploy.imports.rejects import Rejects
from deploy.imports.run import Summary, import_log
from ingest.events import Kind
from ingest.links import DomainError, normalise_domain
from ingest.settings import IngestSettings


def _domain(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return normalise_domain(value) if value else value
    except DomainError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
)
@click.option("--domain", callback=_domain, help="Host that the log is of [default: WEIR_DEFAULT_DOMAIN].")
@click.option(
    "--source", default="", help="Name of the server, where several servers' logs may begin with the same lines."
)
@click.option(
    "--rejected-dir",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    help="Where lines that can't be read are kept [default: beside the file].",
)
@click.option("--dry-run", is_flag=True, help="Read and count, send nothing, keep nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each file.")
def command(
    files: tuple[Path, ...], *, domain: str | None, source: str, rejected_dir: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Turn web server access logs (combined format, plain or gzip) into clicks.

    A path becomes a link of the domain. Importing a log again, grown or compressed or under another name, adds only
    what is new in it. Nothing is reported before Kafka has acknowledged it all; the worker counts it within seconds.
    """
    settings = IngestSettings()
    console = Console(stderr=True)
    try:
        outbox = None if dry_run else Outbox(settings)
        for file in files:
            keep = None if dry_run else (rejected_dir or file.parent) / f"{file.name}.rejected.ndjson"
            with Rejects(keep) as rejects:
                clicks = Clicks(domain or settings.default_domain, settings.zone(), source)
                summary = _with_progress(console, Log(file), clicks, outbox, rejects)
            click.echo(json.dumps(summary.as_json())) if as_json else _print(summary, rejects, dry_run)
    except Undelivered as error:
        raise click.ClickException(
            f"{error}\nWhat was sent is counted once; import the file again when Kafka is back, and the rest follows."
        ) from None
    except OSError as error:
        raise click.ClickException(f"{error}\n`--rejected-dir` keeps rejected lines elsewhere.") from None


def _with_progress(console: Console, log: Log, clicks: Clicks, outbox: Outbox | None, rejects: Rejects) -> Summary:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(log.path.name, total=log.size)
        return import_log(log, clicks, outbox, rejects, lambda at: progress.update(task, completed=at))


def _print(summary: Summary, rejects: Rejects, dry_run: bool) -> None:
    out = Console(highlight=False, soft_wrap=True)
    what = "would become" if dry_run else "became"
    span = summary.as_json()
    out.print(f"[bold]{summary.file}[/]  {summary.lines:,} lines, {summary.events:,} {what} events")
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(justify="right")
    for kind, text in _KINDS.items():
        if summary.kinds[kind]:
            table.add_row(f"{summary.kinds[kind]:,}", text)
    if summary.skipped:
        table.add_row(f"{summary.skipped:,}", "skipped: HEAD, which is no click")
    for reason, count in summary.rejected.items():
        table.add_row(f"{count:,}", f"rejected: {reason}")
    out.print(table)
    if summary.events:
        speed = summary.lines / max(summary.seconds, 0.001)
        out.print(f"from {span['from']} to {span['to']}, in {summary.seconds:.1f} s ({speed:,.0f} lines/s)")
    for reject in rejects.first:
        out.print(f"  line {reject.line:,}: {reject.reason}: {reject.text[:160]!r}", markup=False)
    if summary.rejects_kept:
        out.print(f"All rejected lines: {summary.rejects_kept}", markup=False)
    if summary.broken:
        out.print(f"Warning: {summary.broken}; what came before it was taken.", style="yellow", markup=False)
    if not dry_run:
        out.print("Kafka has acknowledged all of them.")


_KINDS = {
    Kind.CLICK: "clicks (GET, status below 400)",
    Kind.EXPIRED: "expired (GET, 410)",
    Kind.ORPHAN: "orphans (other statuses from 400 on, other methods)",
}
