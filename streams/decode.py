"""Decode: bytes of the log → raw clicks, one a record; what can't be decoded is kept aside and still has its row."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from operator import attrgetter

import msgspec

from ingest.events import SEQ_BITS, SRC_BITS, Kind, RawClick, decode
from streams.batch import Record

MAX_PAYLOAD = 65_536
"""Bytes of an undecodable payload that are kept."""


class DeadReason(enum.StrEnum):
    """Why a record could not be decoded."""

    EMPTY = "empty"
    """The record has no value."""
    NOT_JSON = "not_json"
    """The value is not a JSON text in UTF-8."""
    INVALID = "invalid"
    """JSON, but no raw click: `detail` names the field."""


@dataclasses.dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be decoded."""

    reason: DeadReason
    detail: str
    payload: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Decoded:
    """The clicks of a batch, aligned with its records; a dead record has a stand-in, and its letter by index."""

    clicks: list[RawClick]
    dead: Mapping[int, DeadLetter]


def decode_records(records: Sequence[Record]) -> Decoded:
    """Decode records; never raises, whatever their bytes."""
    try:
        clicks = [decode(record.value or b"") for record in records]
        _check(clicks)
    except (msgspec.DecodeError, ValueError):
        return _one_by_one(records)
    return Decoded(clicks, {})


def _one_by_one(records: Sequence[Record]) -> Decoded:
    """The same where something is wrong: which record, and why."""
    clicks: list[RawClick] = []
    dead: dict[int, DeadLetter] = {}
    for index, record in enumerate(records):
        try:
            click = decode(record.value or b"")
            _check([click])
            clicks.append(click)
        except (msgspec.DecodeError, ValueError) as error:
            dead[index] = _dead_letter(record, error)
            clicks.append(_stand_in(record))
    return Decoded(clicks, dead)


def _check(clicks: Sequence[RawClick]) -> None:
    """What the types of `RawClick` leave open: an id is 16 hexadecimal digits or empty, a day is one."""
    ids = list(chain.from_iterable(map(_IDS, clicks)))
    if not set(map(len, ids)) <= {0, 16}:
        raise ValueError("an id is not 16 hexadecimal digits long")
    digits = "".join(ids)
    if 2 * len(bytes.fromhex(digits)) != len(digits):
        raise ValueError("an id has characters that are no hexadecimal digits")
    for day in {click.salt_day for click in clicks}:
        salt_day_number(day)


_IDS = attrgetter("link_id", "visitor_id", "address_id")


@lru_cache(1024)
def salt_day_number(day: str) -> int:
    """Days from 1970-01-01 to an ISO date, 0 where there is none; raises `ValueError`."""
    return (date.fromisoformat(day) - date(1970, 1, 1)).days if day else 0


def _dead_letter(record: Record, error: Exception) -> DeadLetter:
    payload = record.value or b""
    if not payload:
        return DeadLetter(DeadReason.EMPTY, "the record has no value", b"")
    invalid = isinstance(error, msgspec.ValidationError) or not isinstance(error, msgspec.MsgspecError)
    invalid = invalid and not isinstance(error, UnicodeDecodeError)
    reason = DeadReason.INVALID if invalid else DeadReason.NOT_JSON
    return DeadLetter(reason, str(error)[:500], payload[:MAX_PAYLOAD])


def _stand_in(record: Record) -> RawClick:
    """Keeps the columns aligned; `src` and `seq` from the headers, so that the source's count has no gap."""
    headers = dict(record.headers)
    return RawClick(
        kind=Kind.CLICK,
        src=_number(headers.get("src"), SRC_BITS),
        seq=_number(headers.get("seq"), SEQ_BITS),
        ts=max(record.timestamp, 0),
    )


def _number(header: bytes | None, bits: int) -> int:
    if header is None or not header.isdigit() or len(header) > 20:
        return 0
    number = int(header)
    return number if number < 1 << bits else 0
