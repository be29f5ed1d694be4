"""ClickHouse's Native format: the columns of one insert as one block of bytes.

Written here and not left to clickhouse-connect because it stands in the hot path: a coded column goes over as the
dictionary that it is, 3 ns a row, where a list of texts takes 80. Follows ClickHouse's documentation of the format and
of `LowCardinality`'s serialisation (version 1: shared dictionaries with additional keys).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from warehouse.columns import Coded, Column, Columns, coded
from warehouse.failures import LONGEST, Misconfigured, Unstorable

NUMBERS = {
    "UInt8": "<u1",
    "UInt16": "<u2",
    "UInt32": "<u4",
    "UInt64": "<u8",
    "Date": "<u2",
    "DateTime": "<u4",
    "DateTime64": "<i8",
}
"""Types that are numbers on the wire: days, seconds and, of `DateTime64(3)`, milliseconds since 1970."""

KEYS_VERSION = 1
HAS_KEYS = 1 << 9
NEW_DICTIONARY = 1 << 10
CODE_TYPES = ("<u1", "<u2", "<u4")
"""What codes may be, by the number that stands for it on the wire."""

SPREAD = 2
"""A text column with fewer rows a distinct value is sent value by value: its dictionary would save nothing."""


class Encoded(NamedTuple):
    """A column on the wire."""

    type: str
    """What it is sent as; ClickHouse converts it to what the column is."""
    data: bytes


def block(columns: Columns, types: Mapping[str, str]) -> bytes:
    """One block. `types` has ClickHouse's type of each column.

    Raises `Unstorable`, naming the column, where a value does not fit it, and `Misconfigured` for a column that the
    table does not have, or of a type that is not ours.
    """
    if unknown := columns.keys() - types.keys():
        raise Misconfigured(f"The table lacks the columns {', '.join(sorted(unknown))}: run `weir migrate`.")
    rows = len(next(iter(columns.values())))
    parts = [_varint(len(columns)), _varint(rows)]
    for name, column in columns.items():
        if len(column) != rows:
            raise ValueError(f"column {name} has {len(column)} rows instead of {rows}")
        try:
            encoded = encode(types[name], column)
        except (ValueError, TypeError, AttributeError, OverflowError, KeyError) as error:
            raise Unstorable(f"{name} {types[name]}: {error}"[:LONGEST], sent=False) from error
        parts += [_text(name), _text(encoded.type), encoded.data]
    return b"".join(parts)


def encode(type_name: str, column: Column) -> Encoded:
    """A column as ClickHouse's type of that name."""
    outer, inner = _parts(type_name)
    if outer in NUMBERS:
        return Encoded(type_name, _numbers(column, NUMBERS[outer]).tobytes())
    if outer == "Enum8":
        return Encoded(type_name, _numbers(coded(column).map(_enum(inner).__getitem__), "<i1").tobytes())
    if outer == "UUID":
        return Encoded(type_name, _each(coded(column).map(_uuid)))
    if type_name == "String":
        if not (isinstance(column, Coded) and len(column.values) * SPREAD <= len(column)):
            return Encoded(type_name, _strings(list(column)))
        type_name = "LowCardinality(String)"
    if type_name not in WRITERS:
        raise Misconfigured(
            f"The schema is not this version's, it has a column of type {type_name}: run `weir migrate`."
        )
    return Encoded(type_name, _uint64(KEYS_VERSION) + WRITERS[type_name](coded(column)))


def _numbers(column: Column, dtype: str) -> NDArray[Any]:
    if isinstance(column, Coded):
        return np.array(column.values, dtype)[column.codes]
    numbers = np.asarray(column, dtype) if isinstance(column, list) else column.astype(dtype)
    if isinstance(column, np.ndarray) and not np.array_equal(numbers, column):
        raise ValueError("a number is out of range")
    return numbers


def _each(values: Coded[bytes]) -> bytes:
    if len(values.values) == 1:
        return values.values[0] * len(values)
    return b"".join(values)


def _uuid(value: UUID) -> bytes:
    """ClickHouse keeps a UUID as two little-endian halves."""
    return value.bytes[7::-1] + value.bytes[:7:-1]


def _low_cardinality(column: Coded[str]) -> bytes:
    if not len(column):
        return b""
    found = Coded.of(column.values)  # a value may stand there twice
    size = next(place for place, dtype in enumerate(CODE_TYPES) if len(found.values) <= np.iinfo(dtype).max + 1)
    codes = found.codes.astype(CODE_TYPES[size])[column.codes]
    return b"".join(
        [
            _uint64(HAS_KEYS | NEW_DICTIONARY | size),
            _uint64(len(found.values)),
            _strings(found.values),
            _uint64(len(column)),
            codes.tobytes(),
        ]
    )


def _lists(column: Coded[Sequence[Any]], inner: Callable[[Coded[Any]], bytes]) -> bytes:
    """Where each row's values end, then the values of all rows."""
    ends = np.cumsum(np.array([len(value) for value in column.values], "<u8")[column.codes], dtype="<u8")
    values = [value for row in column for value in row] if ends.size and ends[-1] else []
    return ends.tobytes() + inner(Coded.of(values))


def _pairs(items: Coded[tuple[str, str]]) -> bytes:
    return _low_cardinality(items.map(lambda item: item[0])) + _strings([value for _, value in items])


def _strings(values: Sequence[str]) -> bytes:
    """Each with its length before it."""
    parts: list[str] = [""] * (2 * len(values))
    parts[1::2] = values
    text = "".join(parts)
    if text.isascii():  # then a character is a byte, and all of it can be put together as text
        parts[::2] = map(LENGTHS.__getitem__, map(len, values))
        return "".join(parts).encode("latin-1")
    return b"".join(map(_text, values))


WRITERS: Mapping[str, Callable[[Coded[Any]], bytes]] = {
    "LowCardinality(String)": _low_cardinality,
    "Array(LowCardinality(String))": lambda column: _lists(column, _low_cardinality),
    "Map(LowCardinality(String), String)": lambda column: _lists(column, _pairs),
}
"""Types that hold a dictionary: its version stands before the column."""


class _Lengths(dict[int, str]):
    """Lengths as the characters whose bytes they are."""

    def __missing__(self, length: int) -> str:
        self[length] = _varint(length).decode("latin-1")
        return self[length]


LENGTHS = _Lengths()


def _text(value: str) -> bytes:
    raw = value.encode()
    return _varint(len(raw)) + raw


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _uint64(number: int) -> bytes:
    return number.to_bytes(8, "little")


@lru_cache(256)
def _parts(type_name: str) -> tuple[str, str]:
    outer, _, inner = type_name.partition("(")
    return outer, inner.removesuffix(")")


@lru_cache(64)
def _enum(inner: str) -> Mapping[str, int]:
    return {name: int(number) for name, number in re.findall(r"'([^']*)' = (-?\d+)", inner)}
