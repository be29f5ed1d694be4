"""`weir up`: the whole local stack in the foreground."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from deploy.display import Display, show_addresses
from deploy.settings import StackSettings
from deploy.stack import Stack

PORT = click.IntRange(0, 65535)


@click.command()
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder [default: WEIR_DATA, or weir-data]."
)
@click.option(
    "--broker", type=click.Choice(["auto", "kafka", "mock"]), help="Apache Kafka, or a mock that needs no Java."
)
@click.option("--workers", type=click.IntRange(1, 64), help="Stream workers [default: WEIR_WORKERS, or 1].")
@click.option(
    "--redirectors",
    "redirector_processes",
    type=click.IntRange(1, 64),
    help="Redirector processes on its port [default: WEIR_REDIRECTOR_PROCESSES, or 1].",
)
@click.option("--redirector-port", type=PORT, help="Port of the redirector; 0: any [default: 8080, or a free one].")
@click.option("--api-port", type=PORT, help="Port of the API; 0: any [default: 8090, or a free one].")
@click.option("--warehouse-port", type=PORT, help="Port of ClickHouse; 0: any [default: 8123, or a free one].")
@click.option("--kafka-port", type=PORT, help="Port of Kafka; 0: any [default: 9092, or a free one].")
def command(**given: Any) -> None:  # noqa: ANN401 - click's options are StackSettings' fields, which checks them
    """Start the whole local stack in the foreground; Ctrl-C stops it.

    Broker, warehouse, redirector, worker and API run on this machine, with their data and logs in one folder that the
    next start goes on from. With WEIR_KAFKA or WEIR_CLICKHOUSE set, those servers are used instead.
    """
    settings = StackSettings(**{name: value for name, value in given.items() if value is not None})
    console = Console()
    with contextlib.suppress(KeyboardInterrupt), ended_by_signals(), Display(console) as display:
        stack = Stack(settings, display.show)
        with stack:
            show_addresses(stack, console)
            stack.wait()


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal do what Ctrl-C does, once: the stop that they begin is not disturbed by another."""

    def end(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
