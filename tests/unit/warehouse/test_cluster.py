"""Statements for a cluster: what is put into them, and what is left alone."""

import pytest

from warehouse.cluster import for_cluster
from warehouse.migrate import load


@pytest.mark.parametrize(
    ("statement", "sent"),
    [
        ("CREATE DATABASE IF NOT EXISTS weir ENGINE = Atomic", "CREATE DATABASE IF NOT EXISTS weir{c} ENGINE = Atomic"),
        (
            "CREATE TABLE IF NOT EXISTS t (n UInt8 COMMENT 'ENGINE = MergeTree') ENGINE = MergeTree ORDER BY n",
            "CREATE TABLE IF NOT EXISTS t{c} (n UInt8 COMMENT 'ENGINE = MergeTree')"
            " ENGINE = ReplicatedMergeTree ORDER BY n",
        ),
        (
            "CREATE TABLE t (n UInt8) ENGINE = ReplacingMergeTree(n) ORDER BY n",
            "CREATE TABLE t{c} (n UInt8) ENGINE = ReplicatedReplacingMergeTree(n) ORDER BY n",
        ),
        (
            "CREATE TABLE t (n UInt8) ENGINE = ReplicatedMergeTree ORDER BY n",
            "CREATE TABLE t{c} (n UInt8) ENGINE = ReplicatedMergeTree ORDER BY n",
        ),
        (
            "CREATE TABLE f (n UInt8) ENGINE = Join(ANY, LEFT, n)",
            "CREATE TABLE f{c} (n UInt8) ENGINE = Join(ANY, LEFT, n)",
        ),
        ("CREATE OR REPLACE VIEW weir.v AS SELECT 1", "CREATE OR REPLACE VIEW weir.v{c} AS SELECT 1"),
        ("ALTER TABLE `t` ADD COLUMN m UInt8", "ALTER TABLE `t`{c} ADD COLUMN m UInt8"),
        ("DROP VIEW IF EXISTS v", "DROP VIEW IF EXISTS v{c}"),
    ],
)
def test_what_is_sent(statement: str, sent: str) -> None:
    assert for_cluster(statement, "mine") == sent.replace("{c}", " ON CLUSTER 'mine'")
    assert for_cluster(statement, "") == statement


def test_what_has_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no cluster can run this: SELECT 1"):
        for_cluster("SELECT 1", "mine")


def test_checksums_are_those_of_the_files_and_every_table_that_keeps_data_is_replicated() -> None:
    for migration in load():
        assert migration.checksum == type(migration)(migration.version, migration.name, migration.sql).checksum
        sent = "\n".join(migration.statements("weir", "mine"))
        assert sent.count("ENGINE = ") == sent.count("ENGINE = Replicated") + sent.count("ENGINE = Join")
