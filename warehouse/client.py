"""Connections to ClickHouse over its HTTP interface, the same for every service, and one clear error without one."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from warehouse.settings import WarehouseSettings

CONFIGURED = ""
"""Stands for the database of the settings; None is the server's own, for what runs before there is a database."""

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 300
GREETING_TIMEOUT_S = 30
"""For the few short questions with which a client begins: a ClickHouse that hangs is one that is away."""

UNKNOWN_DATABASE = 81
REFUSED = (192, 193, 194, 516)  # UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED


class WarehouseUnavailable(Exception):
    """ClickHouse can't be reached, refuses the password or has no database yet; the message says what to do next."""


class WarehouseMisconfigured(WarehouseUnavailable):
    """It refuses the password or has no database: no waiting mends that."""


def connect(settings: WarehouseSettings, *, database: str | None = CONFIGURED) -> Client:
    """A synchronous client, for one thread at a time; without a session, so that its queries may overlap with others'.

    Raises `WarehouseUnavailable`.
    """
    try:
        return clickhouse_connect.get_client(**_options(settings, database))
    except (ClickHouseError, OSError) as error:
        raise _explained(settings, error) from error


async def connect_async(settings: WarehouseSettings, *, database: str | None = CONFIGURED) -> AsyncClient:
    """A client for coroutines; any number of them may share it. Raises `WarehouseUnavailable`."""
    try:
        async with asyncio.timeout(GREETING_TIMEOUT_S):
            return await clickhouse_connect.get_async_client(**_options(settings, database))
    except (ClickHouseError, OSError) as error:
        raise _explained(settings, error) from error


def _options(settings: WarehouseSettings, database: str | None) -> Mapping[str, Any]:
    url = urlsplit(settings.clickhouse)
    return {
        "host": url.hostname,
        "port": url.port,
        "interface": url.scheme,
        "username": settings.clickhouse_user,
        "password": settings.clickhouse_password.get_secret_value(),
        "database": settings.clickhouse_database if database == CONFIGURED else database,
        "ca_cert": settings.clickhouse_ca or None,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "send_receive_timeout": ANSWER_TIMEOUT_S,
        "compress": True,
        "client_name": "weir",
        "autogenerate_session_id": False,
        "dedicated_pool": True,
    }


def _explained(settings: WarehouseSettings, error: Exception) -> WarehouseUnavailable:
    stays = isinstance(error, DatabaseError) and error.code in (*REFUSED, UNKNOWN_DATABASE)
    return (WarehouseMisconfigured if stays else WarehouseUnavailable)(_explain(settings, error))


def _explain(settings: WarehouseSettings, error: Exception) -> str:
    """What went wrong and what to do about it, in words of our settings."""
    code = error.code if isinstance(error, DatabaseError) else None
    where = settings.clickhouse
    if code in REFUSED:
        return (
            f"ClickHouse at {where} refuses user {settings.clickhouse_user!r}."
            " Check WEIR_CLICKHOUSE_USER and WEIR_CLICKHOUSE_PASSWORD."
        )
    if code == UNKNOWN_DATABASE:
        return f"ClickHouse at {where} has no database {settings.clickhouse_database!r} yet. Run `weir migrate`."
    if code is not None:
        return f"ClickHouse at {where} answers with an error: {error}"
    return (
        f"No ClickHouse answers at {where} ({_root(error)})."
        " Start one (`weir up` brings its own), or point WEIR_CLICKHOUSE to yours."
    )


def _root(error: BaseException) -> str:
    """The innermost cause: the socket's own words instead of three layers of wrapping."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__
