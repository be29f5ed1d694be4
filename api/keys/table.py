"""The table of keys, as rows and for commands: every key, a new one, a revoked one."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from api.keys.key import Key

EVERY = Path(__file__).with_name("keys.sql").read_text()
FIELDS = tuple(field.name for field in dataclasses.fields(Key))


def every(client: Client) -> list[Key]:
    """All keys, revoked ones too; raises clickhouse-connect's errors."""
    return keys_of(client.query(EVERY).result_rows)


def keys_of(rows: Iterable[Sequence[Any]]) -> list[Key]:
    """Rows of `EVERY` → keys."""
    return [_key(*row) for row in rows]


def write(client: Client, key: Key) -> None:
    """Store a new key, or the later state of one that is there; it counts within a second."""
    row = [[*value] if isinstance(value, tuple) else value for value in dataclasses.astuple(key)]
    client.insert("api_keys", [row], column_names=FIELDS, settings={"async_insert": 0})


def revoked(key: Key, now: datetime) -> Key:
    """The key as it is once nobody is let in with it any more."""
    return dataclasses.replace(key, revoked_at=now)


def _key(  # noqa: PLR0917 - the columns
    key_id: str,
    name: str,
    digest: str,
    scopes: list[str],
    domains: list[str],
    created_at: datetime,
    expires_at: datetime,
    revoked_at: datetime,
) -> Key:
    times = (moment.replace(tzinfo=UTC) for moment in (created_at, expires_at, revoked_at))
    return Key(key_id, name, digest, (*scopes,), (*domains,), *times)
