"""`weir run`: one service in the foreground, as a container or a unit file starts it."""

import importlib
import os

import click
from confluent_kafka import KafkaException

from deploy.logs import LogSettings, configure
from ingest.signing_keys import SigningKeysError

SERVICES = {
    "redirector": "ingest.server",
    "worker": "streams.server",
    "roller": "streams.roller.server",
    "api": "api.server",
    "warehouse": "warehouse.embedded.server",
    "agents": "streams.agents_server",
}
"""Service → the module whose `main()` serves until it is told to stop; that of `agents` is told whose."""


@click.command()
@click.argument("service", type=click.Choice(list(SERVICES)))
@click.argument("module", required=False)
def command(service: str, module: str | None) -> None:
    """Run one service in the foreground until SIGTERM or Ctrl-C; `agents` are those of your own MODULE.

    MODULE is a file (`alerts.py`) or an importable module, whose function `agents` adds agents to a Faust app; another
    function is named behind a colon. See docs/extending.md.

    Its settings come from the environment; `weir settings` lists them. The exit code is 75 where starting it again
    helps, if not at once (ClickHouse or Kafka is away), and 78 where it does not (a setting, a user, the schema).
    """
    if (service == "agents") != (module is not None):
        raise click.UsageError("`weir run agents MODULE` wants a module, and no other service does.")
    configure(LogSettings())
    try:
        importlib.import_module(SERVICES[service]).main(*([module] if module else []))
    except KafkaException as error:
        raise _misconfigured(
            f"Kafka's client can't work with the WEIR_KAFKA_… settings: {error.args[0].str()}."
        ) from None
    except SigningKeysError as error:
        raise _misconfigured(f"WEIR_SIGNING_KEYS: {error}.") from None


def _misconfigured(message: str) -> click.ClickException:
    """A failure that starting again does not mend."""
    refused = click.ClickException(message)
    refused.exit_code = os.EX_CONFIG
    return refused
