"""`weir audit`: print the ledger, and say whether it adds up."""

import json
import sys
import time

import click
from confluent_kafka import KafkaException
from rich.console import Console
from rich.table import Table

from ingest.kafka import CLICKS_RAW, KafkaSettings, topic_id, watermarks
from warehouse.audit import Audit, PartitionAudit, as_dict, as_metrics, audit
from warehouse.client import WarehouseUnavailable, connect
from warehouse.settings import WarehouseSettings

BEHIND = 3
"""Exit code where everything adds up and records are not counted yet."""

SECOND_LOOK = 5.0
WATCH_SECONDS = 2.0


class AuditSettings(KafkaSettings, WarehouseSettings):
    """Where the log and the ledger are."""


@click.command()
@click.option("--wait", "seconds", default=0.0, help="Wait so many seconds at the most for what is still behind.")
@click.option("--json", "form", flag_value="json", help="Print one JSON object.")
@click.option("--prometheus", "form", flag_value="prometheus", help="Print Prometheus' text format.")
@click.option("--watch", is_flag=True, help="Print it again every two seconds, until Ctrl-C.")
def command(seconds: float, form: str | None, watch: bool) -> None:  # click hands its flags over like this
    """Prove that every offset of the log is one row.

    Exits with 0 where everything adds up, 1 where an offset is missing or doubled, 3 where records are only behind.
    """
    settings = AuditSettings()
    while watch:
        put_out(take(settings), form, clear=form is None)
        time.sleep(WATCH_SECONDS)
    found = take(settings, seconds)
    put_out(found, form)
    sys.exit(1 if not found.adds_up else BEHIND if found.behind else 0)


def put_out(found: Audit, form: str | None, *, clear: bool = False) -> None:
    """Print the audit in the form that was asked for."""
    if form == "json":
        click.echo(json.dumps(as_dict(found)))
    elif form == "prometheus":
        click.echo(as_metrics(found), nl=False)
    else:
        console = Console()
        if clear:
            console.clear()
        show(found, console)


def take(settings: AuditSettings, seconds: float = 0.0) -> Audit:
    """Audit now, or again until nothing is behind or so many seconds have passed.

    A redirector's word may be stored a moment before the events of other partitions that it speaks of, so a number is
    only lost if it still is after `SECOND_LOOK` seconds.
    """
    start = time.monotonic()
    try:
        client = connect(settings)
    except WarehouseUnavailable as error:
        raise click.ClickException(str(error)) from error
    try:
        identity = topic_id(settings, CLICKS_RAW)
        while True:
            found = audit(client, identity, watermarks(settings, CLICKS_RAW))
            patience = max(seconds, SECOND_LOOK) if found.lost else seconds
            if not (found.behind or found.lost) or time.monotonic() >= start + patience:
                return found
            time.sleep(0.5)
    except KafkaException as error:
        raise click.ClickException(
            f"Kafka at {settings.kafka} has no topic {settings.topic(CLICKS_RAW.name)}, or can't be reached:"
            f" {error.args[0].str()}. Set WEIR_KAFKA, or start the stack with `weir up`."
        ) from error
    finally:
        client.close()


def show(found: Audit, console: Console) -> None:
    """The audit as a person reads it."""
    table = Table("partition", "log", "rows", "missing", "doubled", "behind", "counted as", box=None)
    for partition in found.partitions:
        table.add_row(*_cells(partition))
    console.print(table)
    closed = sum(source.closed for source in found.sources)
    console.print(
        f"{len(found.sources)} redirector starts reported ({closed} closed):"
        f" {found.lost} acknowledged events without a row."
    )
    verdict = "adds up" if found.adds_up else "DOES NOT ADD UP"
    console.print(f"The ledger {verdict}; {found.behind} records are not counted yet.")


def _cells(partition: PartitionAudit) -> list[str]:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(partition.outcomes.items()))
    numbers = (partition.rows, partition.missing, partition.doubled, partition.behind)
    return [
        str(partition.partition),
        f"{partition.log_first}–{partition.log_end}",
        *(f"{number:,}" for number in numbers),
        outcomes or "–",
    ]
