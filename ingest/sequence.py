"""The numbering of one process's events, by which the audit proves that none was lost on the way.

Every event that the spool takes gets the next number; one that it does not take uses none, so numbers have no gap.
"""

import secrets
from typing import NamedTuple

from ingest.events import SRC_BITS


class Stamp(NamedTuple):
    """Where an event comes from: the process's start id and its number there."""

    src: int
    seq: int


def new_src() -> int:
    """A start id: 40 random bits, never 0."""
    return 1 + secrets.randbelow((1 << SRC_BITS) - 1)
