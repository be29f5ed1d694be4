"""A table: the rows of an answer with what its columns are, and how it is written as text, Arrow and Parquet."""

import csv
import enum
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from arro3.core import Array, DataType
from arro3.core import Table as ArrowTable
from arro3.io import write_ipc_stream, write_parquet

from api.formats.choose import ARROW, CSV, NDJSON, PARQUET, Format

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a text may not begin with in a cell: a spreadsheet takes it for a formula, and whoever clicks writes texts."""

_DAWN = date(1970, 1, 1)


class Kind(enum.Enum):
    """What the values of a column are, as JSON shows them."""

    TEXT = "text"
    COUNT = "whole number from 0"
    RATIO = "number"
    DATE = "date, ISO 8601"
    MOMENT = "moment, ISO 8601 with an offset"


@dataclass(frozen=True)
class Column:
    """A column's name and what its values are; any may be None."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Table:
    """Rows of values as JSON shows them, in the columns' order. `zone` is the one of its moments."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    zone: str = "UTC"

    def insert(self, place: int, column: Column, values: Sequence[Any]) -> "Table":
        """The same with one more column."""
        columns = [*self.columns[:place], column, *self.columns[place:]]
        rows = [[*row[:place], value, *row[place:]] for row, value in zip(self.rows, values, strict=True)]
        return Table(columns, rows, self.zone)

    def write(self, format_: Format) -> bytes:
        """The table in a format other than JSON."""
        return _WRITERS[format_](self)


def safe_cell(value: object) -> object:
    """A value as a cell of CSV: a text that a spreadsheet would run is led by an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(RISKY) else value


def _csv(table: Table) -> bytes:
    """RFC 4180, with a header line."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.name for column in table.columns])
    writer.writerows([safe_cell(value) for value in row] for row in table.rows)
    return out.getvalue().encode()


def _ndjson(table: Table) -> bytes:
    names = [column.name for column in table.columns]
    lines = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in table.rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _arrow(table: Table) -> bytes:
    out = io.BytesIO()
    # Without compression: not every reader of streams knows it, and answers are small.
    write_ipc_stream(_columns(table), out, compression=None)
    return out.getvalue()


def _parquet(table: Table) -> bytes:
    out = io.BytesIO()
    write_parquet(_columns(table), out, compression="zstd(1)")
    return out.getvalue()


def _columns(table: Table) -> ArrowTable:
    values: Iterable[Sequence[Any]] = zip(*table.rows, strict=True) if table.rows else ((),) * len(table.columns)
    arrays = [_array(column.kind, list(found), table.zone) for column, found in zip(table.columns, values, strict=True)]
    return ArrowTable.from_arrays(arrays, names=[column.name for column in table.columns])


def _array(kind: Kind, values: list[Any], zone: str) -> Array:
    match kind:
        case Kind.DATE:
            days = _mapped(values, lambda text: (date.fromisoformat(text) - _DAWN).days)
            return Array(days, DataType.int32()).cast(DataType.date32())
        case Kind.MOMENT:
            # Not seconds: Parquet has no such moments, and would make numbers of them.
            millis = _mapped(values, lambda text: int(datetime.fromisoformat(text).timestamp()) * 1000)
            return Array(millis, DataType.int64()).cast(DataType.timestamp("ms", tz=zone))
        case Kind.TEXT:
            return Array(values, DataType.utf8())
        case Kind.COUNT:
            return Array(values, DataType.uint64())
        case Kind.RATIO:
            return Array(_mapped(values, float), DataType.float64())


def _mapped(values: Iterable[Any], function: Callable[[Any], float]) -> list[float | None]:
    return [None if value is None else function(value) for value in values]


_WRITERS: Mapping[Format, Callable[[Table], bytes]] = {
    CSV: _csv,
    NDJSON: _ndjson,
    ARROW: _arrow,
    PARQUET: _parquet,
}
