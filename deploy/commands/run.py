"""`weir run`: one service in the foreground, as a container or a unit file starts it."""

import importlib
import os

import click
from confluent_kafka import KafkaException

from deploy.logs import LogSettings, configure

SERVICES = {
    "redirector": "ingest.server",
    "worker": "streams.server",
    "api": "api.server",
    "warehouse": "warehouse.embedded.server",
}
"""Service → the module whose `main()` serves until it is told to stop."""


@click.command()
@click.argument("service", type=click.Choice(list(SERVICES)))
def command(service: str) -> None:
    """Run one service in the foreground until SIGTERM or Ctrl-C.

    Its settings come from the environment; `weir settings` lists them. The exit code is 75 where starting it again
    helps, if not at once (ClickHouse or Kafka is away), and 78 where it does not (a setting, a user, the schema).
    """
    configure(LogSettings())
    try:
        importlib.import_module(SERVICES[service]).main()
    except KafkaException as error:
        refused = click.ClickException(
            f"Kafka's client can't work with the WEIR_KAFKA_… settings: {error.args[0].str()}."
        )
        refused.exit_code = os.EX_CONFIG
        raise refused from None
