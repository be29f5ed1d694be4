"""Clients of ClickHouse and of the API, for the time of a command."""

import contextlib
from collections.abc import Iterator

import click
from clickhouse_connect.driver.client import Client

from api.client import Client as ApiClient
from api.settings import CliSettings
from warehouse.client import WarehouseUnavailable, connect
from warehouse.settings import WarehouseSettings

LENGTH = 300


@contextlib.contextmanager
def connected(settings: WarehouseSettings) -> Iterator[Client]:
    """A client, which is closed at the end. Raises `click.ClickException` where there is none to be had."""
    try:
        client = connect(settings)
    except WarehouseUnavailable as error:
        raise click.ClickException(str(error)) from error
    try:
        yield client
    finally:
        client.close()


def api_client(settings: CliSettings) -> ApiClient:
    """A client of the API; a command fails at once where somebody who waits can try again."""
    return ApiClient(settings.api, settings.api_token.get_secret_value(), patience=0)


def first_line(error: Exception) -> str:
    """What an error says first: ClickHouse's go on with a whole stack."""
    return str(error).partition("\n")[0][:LENGTH]
