"""Decode: bytes of the log → columns of raw clicks; what can't be decoded is kept aside and still has its row."""

import dataclasses
import enum
from collections.abc import Mapping

import msgspec

from ingest.events import Kind, RawClick, decode
from streams.batch import Records
from streams.raw import RawColumns, read_fields
from warehouse.columns import Column
from warehouse.redact import cut_addresses

MAX_PAYLOAD = 65_536
"""Bytes of an undecodable payload that are kept."""
MAX_DETAIL = 500


class DeadReason(enum.StrEnum):
    """Why a record is dead."""

    EMPTY = "empty"
    """The record has no value."""
    NOT_JSON = "not_json"
    """The value is not a JSON text in UTF-8."""
    INVALID = "invalid"
    """JSON, but no raw click: `detail` names the field."""
    UNSTORABLE = "unstorable"
    """A raw click, but ClickHouse can't store its row: `detail` has the error."""


@dataclasses.dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be decoded or stored."""

    reason: DeadReason
    detail: str
    payload: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Decoded:
    """The columns of a batch, aligned with its records; a dead record has a stand-in, and its letter by index."""

    columns: dict[str, Column]
    """`warehouse.events.RAW_COLUMNS` and `kind`: what the redirector said."""
    dead: Mapping[int, DeadLetter]


CHUNK = 500
"""Records that are decoded and taken apart at a time: what stays in a processor's cache. 20,000 take twice as long."""


def decode_records(records: Records) -> Decoded:
    """Decode records; never raises, whatever their bytes."""
    columns = RawColumns()
    dead: dict[int, DeadLetter] = {}
    for first in range(0, len(records), CHUNK):
        chunk = records[first : first + CHUNK]
        try:
            columns.extend([decode(value or b"") for value in chunk.values])
        except (msgspec.DecodeError, ValueError):
            clicks, letters = _one_by_one(chunk)
            columns.extend(clicks)
            dead |= {first + index: letter for index, letter in letters.items()}
    return Decoded(columns.columns(), dead)


def _one_by_one(records: Records) -> tuple[list[RawClick], dict[int, DeadLetter]]:
    """The same where something is wrong: which record, and why."""
    clicks: list[RawClick] = []
    dead: dict[int, DeadLetter] = {}
    for index, value in enumerate(records.values):
        try:
            click = decode(value or b"")
            read_fields([click])
            clicks.append(click)
        except (msgspec.DecodeError, ValueError) as error:
            dead[index] = _undecodable(value, error)
            clicks.append(_stand_in(records, index))
    return clicks, dead


def dead_letter(value: bytes | None, reason: DeadReason, detail: str) -> DeadLetter:
    """The letter of a record with this value: its payload cut at `MAX_PAYLOAD`, addresses in it to their networks."""
    payload = cut_addresses((value or b"")[:MAX_PAYLOAD].decode("latin-1"))  # a character a byte: it need not be text
    return DeadLetter(reason, cut_addresses(detail)[:MAX_DETAIL], payload.encode("latin-1"))


def decode_letter(payload: bytes) -> RawClick:
    """A letter's payload by today's decoder, as a click that is sent again.

    Raises `msgspec.DecodeError` or `ValueError` where it still can't be decoded.
    """
    click = decode(payload)
    read_fields([click])
    return msgspec.structs.replace(click, resent=True)


def _undecodable(value: bytes | None, error: Exception) -> DeadLetter:
    if not value:
        return dead_letter(value, DeadReason.EMPTY, "the record has no value")
    invalid = isinstance(error, msgspec.ValidationError) or not isinstance(error, msgspec.MsgspecError)
    invalid = invalid and not isinstance(error, UnicodeDecodeError)
    reason = DeadReason.INVALID if invalid else DeadReason.NOT_JSON
    return dead_letter(value, reason, str(error))


def _stand_in(records: Records, place: int) -> RawClick:
    """Keeps the columns aligned; `src` and `seq` where they are told, so that the source's count has no gap."""
    src, seq = records.source(place)
    return RawClick(kind=Kind.CLICK, src=src, seq=seq, ts=max(int(records.appended[place]), 0))
