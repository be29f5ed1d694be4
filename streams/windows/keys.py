"""Keys: what clicks are compared by, as 64-bit numbers, for all clicks of a batch at once."""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.events import Kind
from warehouse.columns import Coded, Columns, coded

Numbers = NDArray[np.uint64]

FIRST, SECOND, THIRD = (np.uint64(factor) for factor in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93))
"""Odd factors that spread the parts of a key over 64 bits. Ids are keyed hashes, and texts are hashed with this
process's own salt, so nobody can make two keys alike."""


class Compared(NamedTuple):
    """The clicks of a batch as windows see them, a column each. A key is 0 where the click can't be compared by it."""

    ts: NDArray[np.int64]
    """Click time, Unix milliseconds."""
    links: Numbers
    traps: NDArray[np.bool_]
    recipients: NDArray[np.bool_]
    """Whether a recipient is known."""
    sources: Numbers
    """Keys of message and recipient, else of message and address."""
    seconds: Numbers
    """Keys of the address and the second of the click."""
    networks: Numbers
    """Keys of the network, where it is watched."""
    pairs: Numbers
    """Keys of visitor and link."""

    def at(self, places: slice) -> "Compared":
        """Some of the clicks."""
        return Compared._make(column[places] for column in self)


def compared(columns: Columns, watched: Collection[int], without: Collection[int] = ()) -> Compared:
    """The clicks of a batch; `without` are the places of records that are no clicks of their own.

    Only requests for live links are compared, and by their network only those of `watched` autonomous systems.
    `columns` are those of `warehouse.events.RAW_COLUMNS`, `kind` and `asn`.
    """
    wanted = _each(coded(columns["kind"]), lambda kind: kind == Kind.CLICK).astype(np.bool_)
    wanted[list(without)] = False
    ts = np.asarray(columns["ts"], np.int64)
    addresses, visitors = (np.asarray(columns[name]).astype(np.uint64) for name in ("address_id", "visitor_id"))
    links = _each(coded(columns["link_id"]), int)
    messages, recipients = (_each(coded(columns[name]), _of_text) for name in ("message_id", "recipient_id"))
    servers = _each(coded(columns["asn"]), watched.__contains__).astype(np.bool_)
    networks = _each(coded(columns["network"]), _of_text)
    by_address = np.where(addresses, messages * FIRST + addresses * THIRD, 0)
    return Compared(
        ts,
        links,
        np.asarray(columns["trap"]).astype(np.bool_) & wanted,
        recipients != 0,
        np.where(wanted, np.where(recipients, messages * FIRST + recipients * SECOND, by_address), 0),
        np.where(wanted & (addresses != 0), addresses * FIRST + (ts // 1000).astype(np.uint64) * SECOND, 0),
        np.where(wanted & servers, networks, 0),
        np.where(wanted & (visitors != 0), visitors * FIRST + links * SECOND, 0),
    )


def _of_text(text: str) -> int:
    return hash(text) & 0xFFFF_FFFF_FFFF_FFFF if text else 0


def _each(column: Coded[Any], function: Callable[[Any], int]) -> Numbers:
    """A number of every row, worked out once a distinct value."""
    return np.fromiter(map(function, column.values), np.uint64, len(column.values))[column.codes]
