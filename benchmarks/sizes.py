"""S1: what a click takes on the disk, column by column, and what the rollups take beside it."""

import dataclasses
from collections.abc import Mapping

from clickhouse_connect.driver.client import Client

COLUMNS = """
SELECT column, any(type), sum(column_data_compressed_bytes)
FROM system.parts_columns
WHERE database = currentDatabase() AND table = 'events' AND active
GROUP BY column
ORDER BY 3 DESC
"""
TABLES = """
SELECT table, sum(rows), sum(data_compressed_bytes)
FROM system.parts
WHERE database = currentDatabase() AND active AND (table = 'events' OR startsWith(table, 'rollup_'))
GROUP BY table
ORDER BY table
"""
TEXTS = ("String", "Map(")
"""What begins a text's type; a `LowCardinality` is a dimension."""


@dataclasses.dataclass(frozen=True)
class Size:
    """A table."""

    rows: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Everything of one database."""

    columns: Mapping[str, float]
    """Bytes a click of each column of `events`, the largest first."""
    texts: frozenset[str]
    """Those of them that hold text."""
    tables: Mapping[str, Size]

    @property
    def click(self) -> float:
        """Bytes a click without text columns."""
        return sum(size for name, size in self.columns.items() if name not in self.texts)

    @property
    def rollups(self) -> float:
        """Bytes of all rollups ÷ bytes of `events`."""
        rolled = sum(table.bytes for name, table in self.tables.items() if name != "events")
        return rolled / self.tables["events"].bytes


def sizes_of(client: Client) -> Sizes:
    """What the tables take now."""
    tables = {name: Size(rows, size) for name, rows, size in client.query(TABLES).result_rows}
    columns = client.query(COLUMNS).result_rows
    rows = tables["events"].rows
    return Sizes(
        {name: size / rows for name, _, size in columns},
        frozenset(name for name, type_, _ in columns if type_.startswith(TEXTS)),
        tables,
    )
