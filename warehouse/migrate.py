"""ClickHouse's schema, brought up to date: plain `.sql` files, forward only, in order, each recorded with its checksum.

A file is `NNNN_name.sql`; `{database}` in it stands for the database. A file that was applied is never changed or
removed again: both are refused, since nobody could say any more what a database holds.

It may be started by two processes at once, and may die at any point: every statement is one that does no harm when it
runs twice (`IF NOT EXISTS`, `OR REPLACE`; a test holds the files to it), and a record that is written twice is one.
"""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from warehouse.client import UNKNOWN_DATABASE, WarehouseUnavailable, connect
from warehouse.cluster import for_cluster
from warehouse.settings import WarehouseSettings
from warehouse.statements import split

MIGRATIONS = Path(__file__).parent / "migrations"

_FILE_NAME = re.compile(r"(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql")

_BOOKS = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version UInt32 COMMENT 'Number of the file',
    name String COMMENT 'Its name',
    checksum String COMMENT 'SHA-256 of the file, hexadecimal',
    applied_at DateTime64(3, 'UTC') COMMENT 'When its last statement had run'
)
ENGINE = ReplacingMergeTree
ORDER BY version
COMMENT 'Which schema migrations this database has had'
"""


class MigrationConflict(Exception):
    """The files and what the database says it has had do not fit; the message says which and what to do."""


@dataclasses.dataclass(frozen=True)
class Migration:
    """One file."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file as it stands, so of all databases the same."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self, database: str, cluster: str = "") -> list[str]:
        """What is run, in order; on all servers of a cluster where there is one."""
        found = split(self.sql.replace("{database}", database))
        return [for_cluster(statement, cluster) for statement in found]


@dataclasses.dataclass(frozen=True)
class Applied:
    """A migration that the database has had."""

    version: int
    name: str
    checksum: str
    applied_at: datetime


def load(folder: Path = MIGRATIONS) -> list[Migration]:
    """The files in order. Raises `MigrationConflict` where two have one number, or a name is not `NNNN_name.sql`."""
    migrations: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if not match:
            raise MigrationConflict(f"{path.name} is no migration: its name must be like 0001_events.sql.")
        migration = Migration(int(match["version"]), match["name"], path.read_text())
        if migrations and migrations[-1].version == migration.version:
            raise MigrationConflict(
                f"Two migrations have the number {migration.version:04}: give {path.name} the next."
            )
        migrations.append(migration)
    return migrations


def pending(migrations: Sequence[Migration], applied: Sequence[Applied]) -> list[Migration]:
    """What is still to be run, in order. Raises `MigrationConflict` where the files and the books don't fit."""
    files = {migration.version: migration for migration in migrations}
    for record in applied:
        file = files.get(record.version)
        if file is None:
            raise MigrationConflict(
                f"The database has had migration {record.version:04}_{record.name}, which is not among the files:"
                " it was migrated by a newer Weir. Install that one."
            )
        if file.checksum != record.checksum:
            raise MigrationConflict(
                f"Migration {record.version:04}_{record.name} was changed after it was applied at"
                f" {record.applied_at:%Y-%m-%d %H:%M} UTC. Restore the file, and put the change into a new one."
            )
    last = max((record.version for record in applied), default=0)
    had = {record.version for record in applied}
    todo = [migration for migration in migrations if migration.version not in had]
    if todo and todo[0].version < last:
        raise MigrationConflict(
            f"Migration {todo[0].version:04}_{todo[0].name} comes before {last:04}, which was applied already."
            " Give it a higher number."
        )
    return todo


def migrate(
    settings: WarehouseSettings,
    *,
    folder: Path = MIGRATIONS,
    on_applied: Callable[[Applied], None] = lambda _: None,
) -> list[Applied]:
    """Make the database if there is none, and apply what is pending; gives what was applied now.

    Raises `WarehouseUnavailable`, `MigrationConflict`, or clickhouse-connect's `DatabaseError` where ClickHouse refuses
    a statement: what ran before it stays, and the same call later goes on there.
    """
    migrations = load(folder)
    with connect(settings, database=None) as client:
        create = f"CREATE DATABASE IF NOT EXISTS {settings.clickhouse_database} ENGINE = Atomic"
        client.command(for_cluster(create, settings.clickhouse_cluster))
    done = []
    with connect(settings) as client:
        client.command(for_cluster(_BOOKS, settings.clickhouse_cluster))
        for migration in pending(migrations, _applied(client)):
            done.append(_apply(client, settings, migration))
            on_applied(done[-1])
    return done


def status(settings: WarehouseSettings, *, folder: Path = MIGRATIONS) -> tuple[list[Applied], list[Migration]]:
    """What the database has had, and what is pending; changes nothing. Raises as `migrate` does."""
    migrations = load(folder)
    try:
        with connect(settings) as client:
            applied = _applied(client) if client.command("EXISTS TABLE schema_migrations") else []
    except WarehouseUnavailable as error:
        if not (isinstance(error.__cause__, DatabaseError) and error.__cause__.code == UNKNOWN_DATABASE):
            raise
        applied = []
    return applied, pending(migrations, applied)


def _applied(client: Client) -> list[Applied]:
    rows = client.query("SELECT version, name, checksum, applied_at FROM schema_migrations FINAL ORDER BY version")
    return [Applied(*row) for row in rows.result_rows]


def _apply(client: Client, settings: WarehouseSettings, migration: Migration) -> Applied:
    for statement in migration.statements(settings.clickhouse_database, settings.clickhouse_cluster):
        client.command(statement)
    record = Applied(migration.version, migration.name, migration.checksum, datetime.now(UTC).replace(tzinfo=None))
    client.insert("schema_migrations", [dataclasses.astuple(record)], column_names=[*_FIELDS])
    return record


_FIELDS = tuple(field.name for field in dataclasses.fields(Applied))
