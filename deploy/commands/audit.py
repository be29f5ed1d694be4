"""`weir audit`: print the ledger, and say whether it adds up."""

import contextlib
import json
import sys
import time
from collections.abc import Iterator

import click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deploy.audit_tables import rollups_as_dict, show, show_rollups
from deploy.connected import connected, first_line
from ingest.kafka import CLICKS_RAW, KafkaSettings, topic_id, watermarks
from warehouse.audit import mark
from warehouse.audit.findings import Audit
from warehouse.audit.report import HOURS, as_dict, as_metrics
from warehouse.audit.run import Auditor
from warehouse.audit.scan import Tell
from warehouse.rollups.compare import Comparison, compare
from warehouse.rollups.desk import reopen
from warehouse.rollups.families import FAMILIES
from warehouse.settings import WarehouseSettings

BEHIND = 3
"""Exit code where everything adds up and records are not counted yet."""

SECOND_LOOK = 5.0
WATCH_SECONDS = 2.0
MARK_SECONDS = 60.0
"""How often `--watch` stores its mark."""
COMPARED_DAYS = 8
"""How far back rollups are compared with the records; `--full` compares all."""
PATIENCE = 2.0
"""Seconds after which an audit shows how far it is."""


class AuditSettings(KafkaSettings, WarehouseSettings):
    """Where the log and the ledger are."""


@click.command()
@click.option("--wait", "seconds", default=0.0, help="Wait so many seconds at the most for what is still behind.")
@click.option("--full", is_flag=True, help="Read everything, not only what came after the last good mark.")
@click.option(
    "--mark/--no-mark", "marks", default=True, help="Store what is proven, for the next audit to begin there."
)
@click.option(
    "--hours", type=click.IntRange(0), help=f"Show so many of the latest hours [default: {HOURS} with --json, else 0]."
)
@click.option("--mend-rollups", "mend", is_flag=True, help="Open rollups that differ, for the roller to make anew.")
@click.option("--json", "form", flag_value="json", help="Print one JSON object.")
@click.option("--prometheus", "form", flag_value="prometheus", help="Print Prometheus' text format.")
@click.option("--watch", is_flag=True, help="Print it again every two seconds, until Ctrl-C.")
def command(
    *, seconds: float, full: bool, marks: bool, hours: int | None, mend: bool, form: str | None, watch: bool
) -> None:
    """Prove that every offset of the log is one row, and that no acknowledged event is lost or counted twice.

    Names what is missing or doubled: offsets, a redirector's numbers, the hour. The rollups are compared with the
    records, those of the last eight days or, with --full, all. Exits with 0 where everything adds up, 1 where something
    is missing or doubled or a rollup differs, 3 where records are only behind.
    """
    settings = AuditSettings()
    auditor = Auditor(full=full)
    stored_at = 0.0
    while True:
        found = take(settings, seconds, auditor)
        if marks and time.monotonic() > stored_at + MARK_SECONDS:
            store(settings, found)
            stored_at = time.monotonic()
        compared = Comparison() if watch else compare_rollups(settings, full=full, mend=mend)
        put_out(found, compared, form, hours, clear=watch and form is None)
        if not watch:
            sys.exit(1 if not (found.adds_up and compared.agrees) else BEHIND if found.behind else 0)
        time.sleep(WATCH_SECONDS)


def put_out(
    found: Audit, compared: Comparison, form: str | None, hours: int | None = None, *, clear: bool = False
) -> None:
    """Print the audit in the form that was asked for."""
    if form == "json":
        click.echo(
            json.dumps(as_dict(found, HOURS if hours is None else hours) | {"rollups": rollups_as_dict(compared)})
        )
    elif form == "prometheus":
        click.echo(as_metrics(found), nl=False)
    else:
        console = Console()
        if clear:
            console.clear()
        show(found, console, hours or 0)
        show_rollups(compared, console)


def take(settings: AuditSettings, seconds: float = 0.0, auditor: Auditor | None = None) -> Audit:
    """Audit now, or again until nothing is behind or so many seconds have passed.

    A redirector's word may be stored a moment before the events of other partitions that it speaks of, so a number is
    only lost if it still is after `SECOND_LOOK` seconds. Raises `click.ClickException`.
    """
    start = time.monotonic()
    auditor = auditor or Auditor()
    with _connected(settings) as client, progress(Console(stderr=True)) as tell:
        identity = topic_id(settings, CLICKS_RAW)
        while True:
            found = auditor.audit(client, identity, watermarks(settings, CLICKS_RAW), tell)
            patience = max(seconds, SECOND_LOOK) if found.lost else seconds
            if not (found.behind or found.lost) or time.monotonic() >= start + patience:
                return found
            time.sleep(0.5)


def compare_rollups(settings: AuditSettings, *, full: bool = False, mend: bool = False) -> Comparison:
    """Rollups against the records of the last days, or of all time. Raises `click.ClickException`."""
    with _connected(settings) as client:
        found = compare(client, 0 if full else int(time.time()) - COMPARED_DAYS * 86_400)
        for one in found.differences if mend else ():
            reopen(client, FAMILIES[one.family], [one.unit])
    return found


def store(settings: AuditSettings, found: Audit) -> None:
    """Store what the audit has proven, if it adds up; who may only read is told that the next one takes as long."""
    if found.mark is None:
        return
    try:
        with _connected(settings) as client:
            mark.store(client, found.mark)
    except click.ClickException as error:
        click.echo(f"The mark was not stored, so the next audit begins where this one did. {error.message}", err=True)


@contextlib.contextmanager
def _connected(settings: AuditSettings) -> Iterator[Client]:
    with connected(settings) as client:
        try:
            yield client
        except KafkaException as error:
            raise click.ClickException(
                f"Kafka at {settings.kafka} has no topic {settings.topic(CLICKS_RAW.name)}, or can't be reached:"
                f" {error.args[0].str()}. Set WEIR_KAFKA, or start the stack with `weir up`."
            ) from error
        except (ClickHouseError, OSError) as error:
            raise click.ClickException(
                f"ClickHouse at {settings.clickhouse} refused: {first_line(error)}"
                " If Weir is newer than the tables, run `weir migrate`."
            ) from error


@contextlib.contextmanager
def progress(console: Console) -> Iterator[Tell]:
    """Something to tell how many rows are read; shows a bar on a terminal once that takes long."""
    start = time.monotonic()
    columns = (TextColumn("reading the ledger"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    shown: list[TaskID] = []

    def tell(done: int, rows: int) -> None:
        if not shown and time.monotonic() > start + PATIENCE:
            shown.append(bar.add_task(""))
            bar.start()
        for task in shown:
            bar.update(task, completed=done, total=rows)

    try:
        yield tell
    finally:
        bar.stop()
