"""Views: columns of a batch as others see them, ids as text and flags as truth values, and the clicks made of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

import msgspec
import numpy as np

from warehouse.columns import Coded, Column, Columns

S = TypeVar("S", bound=msgspec.Struct)

EPOCH = date(1970, 1, 1)


def id_text(number: int) -> str:
    """A 64-bit id as 16 hexadecimal digits; empty for 0, which is none."""
    return f"{number:016x}" if number else ""


def day_text(days: int) -> str:
    """An ISO date by the days since 1970-01-01; empty for 0, which is none."""
    return (EPOCH + timedelta(days)).isoformat() if days else ""


READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("link_id", "address_id", "visitor_id"), id_text),
    **dict.fromkeys(("resent", "salt_local", "opted_out", "qr", "trap"), bool),
    **dict.fromkeys(("hints", "extra"), dict),
    "salt_day": day_text,
    "topic_id": str,
}
"""How a column's values are read; one that is not named here is shown as it is."""


def view(columns: Columns, names: Sequence[str]) -> dict[str, Column]:
    """Some of the columns of `events` as they are shown; one that no step has made is left out."""
    return {name: _read(columns[name], READ.get(name)) for name in names if name in columns}


def _read(column: Column, read: Callable[[Any], Any] | None) -> Column:
    if read is None:
        return column
    if isinstance(column, Coded):
        return Coded(list(map(read, column.values)), column.codes)
    return list(map(read, _plain(column)))


def _plain(column: Column) -> Sequence[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else column


def structs(columns: Columns, kind: type[S]) -> Iterator[S]:
    """A struct a row, of what `view` gave; a field that is not among the columns has its default."""
    names = [name for name in kind.__struct_fields__ if name in columns]
    values = [_plain(columns[name]) for name in names]
    if names == list(kind.__struct_fields__[: len(names)]):
        return map(kind, *values)  # by place: half the time
    return (kind(**dict(zip(names, row, strict=True))) for row in zip(*values, strict=True))
