"""The migration files, and what is pending."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from warehouse.migrate import Applied, Migration, MigrationConflict, load, pending

HARMLESS_TWICE = re.compile(
    r"CREATE (TABLE|MATERIALIZED VIEW) IF NOT EXISTS |CREATE OR REPLACE (VIEW|DICTIONARY) "
    r"|ALTER TABLE \w+\s+(ADD (COLUMN|INDEX|PROJECTION|CONSTRAINT) IF NOT EXISTS|DROP \w+ IF EXISTS) "
    r"|ALTER TABLE \w+\s+(MATERIALIZE|COMMENT|MODIFY) "
    r"|DROP (TABLE|VIEW|DICTIONARY) IF EXISTS "
)


def migration(version: int, sql: str = "SELECT 1") -> Migration:
    return Migration(version, f"step_{version}", sql)


def applied(version: int, sql: str = "SELECT 1") -> Applied:
    return Applied(version, f"step_{version}", migration(version, sql).checksum, datetime(2026, 1, 1))


def test_every_statement_does_no_harm_twice() -> None:
    statements = [statement for one in load() for statement in one.statements("weir")]
    assert statements
    assert not [statement for statement in statements if not HARMLESS_TWICE.match(statement)]


def test_versions_have_no_gaps() -> None:
    assert [one.version for one in load()] == list(range(1, len(load()) + 1))


def test_the_database_is_put_in() -> None:
    assert migration(1, "SELECT '{database}'; SELECT {x:UInt8}").statements("mine") == [
        "SELECT 'mine'",
        "SELECT {x:UInt8}",
    ]


def test_what_is_pending() -> None:
    files = [migration(1), migration(2), migration(3)]
    assert pending(files, []) == files
    assert pending(files, [applied(1)]) == files[1:]
    assert pending(files, [applied(1), applied(2), applied(3)]) == []


@pytest.mark.parametrize(
    ("files", "books", "message"),
    [
        ([migration(1)], [applied(1, "SELECT 2")], "was changed after it was applied"),
        ([migration(1)], [applied(1), applied(2)], "newer Weir"),
        ([migration(1), migration(2)], [applied(2)], "comes before 0002"),
    ],
)
def test_conflicts(files: list[Migration], books: list[Applied], message: str) -> None:
    with pytest.raises(MigrationConflict, match=message):
        pending(files, books)


@pytest.mark.parametrize(
    ("names", "message"), [(["1_x.sql"], "no migration"), (["0001_a.sql", "0001_b.sql"], "number 0001")]
)
def test_file_names(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationConflict, match=message):
        load(tmp_path)
