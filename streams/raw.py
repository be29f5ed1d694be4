"""Raw columns: what the redirector said, turned from clicks into columns of `events`, a piece at a time."""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Protocol

import msgspec
import numpy as np

from ingest.events import RawClick
from warehouse.columns import Coding, Column
from warehouse.events import RAW_COLUMNS

FIELDS = {
    "accept_language": "language",
    "message_id": "message",
    "recipient_id": "recipient",
    "asked_channel": "channel",
}
"""Columns that are not named as their field of the raw click is."""

NAMES = ("kind", *RAW_COLUMNS)
PLACES = {name: RawClick.__struct_fields__.index(FIELDS.get(name, name)) for name in NAMES}
NO_ID = "0" * 16


class Gatherer(Protocol):
    """Makes a column of one field, piece by piece."""

    def extend(self, values: Any) -> None:  # noqa: ANN401  # a sequence of the field's type, or an id's bytes
        """Add rows."""

    def column(self) -> Column:
        """All rows; nothing may be added afterwards."""


def is_constant(values: Sequence[Any]) -> bool:
    """Whether all are the same, as those of most fields are for 500 clicks: comparing is cheaper than converting."""
    return bool(values[0] == values[-1]) and values.count(values[0]) == len(values)


class Repeating:
    """Values that come again and again, in coded form."""

    def __init__(self, read: Callable[[Any], Any] | None = None) -> None:
        self._coding: Coding[Any] = Coding()
        self._read = read
        """What the value of the column is, worked out once a distinct value."""

    def extend(self, values: Sequence[Any]) -> None:
        """Add rows."""
        if is_constant(values):
            self._coding.repeat(values[0], len(values))
        else:
            self._coding.extend(values)

    def column(self) -> Column:
        """All rows."""
        made = self._coding.coded()
        return made.map(self._read) if self._read else made


class Hints(Repeating):
    """Client hints, as tuples of pairs: a dictionary can't be looked up."""

    def extend(self, values: Sequence[Mapping[str, str]]) -> None:
        """Add rows."""
        super().extend([tuple(hints.items()) if hints else () for hints in values])


class Numbers:
    """Whole numbers and flags."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def extend(self, values: Sequence[int]) -> None:
        """Add rows."""
        if is_constant(values):
            self._bytes += int(values[0]).to_bytes(8, sys.byteorder, signed=True) * len(values)
        else:
            self._bytes += np.fromiter(values, np.int64, len(values)).tobytes()  # a quarter of the time of an array's

    def column(self) -> Column:
        """All rows, 64 bits each."""
        return np.frombuffer(self._bytes, np.int64)


class Ids:
    """64-bit ids, mostly distinct."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def extend(self, values: bytes) -> None:
        """Add rows, as `id_bytes` makes them."""
        self._bytes += values

    def column(self) -> Column:
        """All rows, 64 bits each."""
        return np.frombuffer(self._bytes, ">u8")


def id_bytes(ids: Sequence[str]) -> bytes:
    """Ids of 16 hexadecimal digits, eight bytes each, an empty one as 0; raises `ValueError` for what is none."""
    if not set(map(len, ids)) <= {0, 16}:
        raise ValueError("an id is not 16 hexadecimal digits long")
    found = bytes.fromhex("".join([digits or NO_ID for digits in ids]))
    if len(found) != 8 * len(ids):
        raise ValueError("an id has characters that are no hexadecimal digits")
    return found


@lru_cache(10_000)
def id_number(digits: str) -> int:
    """An id of 16 hexadecimal digits as a number, an empty one as 0; raises `ValueError`."""
    return int.from_bytes(id_bytes([digits]))


@lru_cache(1024)
def salt_day_number(day: str) -> int:
    """Days from 1970-01-01 to an ISO date, 0 where there is none; raises `ValueError`."""
    return (date.fromisoformat(day) - date(1970, 1, 1)).days if day else 0


GATHERERS: Mapping[str, Callable[[], Gatherer]] = {
    **dict.fromkeys(("src", "seq", "mark", "resent", "ts", "status", "link_version", "salt_local"), Numbers),
    **dict.fromkeys(("sent_at", "trap"), Numbers),
    **dict.fromkeys(("address_id", "visitor_id"), Ids),
    "link_id": lambda: Repeating(id_number),
    "salt_day": lambda: Repeating(salt_day_number),
    "hints": Hints,
}
"""How a column is gathered; one that is not named here repeats."""


CHECKS: Mapping[str, Callable[[str], int]] = {"link_id": id_number, "salt_day": salt_day_number}
"""What the types of `RawClick` leave open, by column; the other ids are read as they are taken."""


class RawColumns:
    """Gathers the columns of a batch."""

    def __init__(self) -> None:
        self._gatherers = [(PLACES[name], GATHERERS.get(name, Repeating)()) for name in NAMES]

    def extend(self, clicks: Sequence[RawClick]) -> None:
        """Add clicks, at least one. Raises `ValueError`, with nothing added, where one is not valid."""
        fields = read_fields(clicks)
        for place, gatherer in self._gatherers:
            gatherer.extend(fields[place])

    def columns(self) -> dict[str, Column]:
        """`RAW_COLUMNS` and `kind`, all rows; nothing may be added afterwards."""
        return {name: gatherer.column() for name, (_, gatherer) in zip(NAMES, self._gatherers, strict=True)}


def read_fields(clicks: Sequence[RawClick]) -> Sequence[Any]:
    """The fields of clicks, a sequence each, the ids among them as bytes. Raises `ValueError` for a click not valid."""
    fields: list[Any] = list(zip(*map(msgspec.structs.astuple, clicks), strict=True))
    for name, check in CHECKS.items():
        for value in set(fields[PLACES[name]]):
            check(value)
    for name in ("address_id", "visitor_id"):
        fields[PLACES[name]] = id_bytes(fields[PLACES[name]])
    return fields
