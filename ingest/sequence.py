"""The numbering of one process's events, by which the audit proves that none was lost on the way.

Every event that the producer takes gets the next number; one that it does not take uses none, so numbers have no gap.
"""

import secrets
from typing import NamedTuple

from ingest.events import SRC_BITS


class Stamp(NamedTuple):
    """Where an event comes from: the process's start id and its number there."""

    src: int
    seq: int


class Sequence:
    """Numbers from 1, and the mark up to which all of them are acknowledged."""

    def __init__(self, src: int | None = None) -> None:
        self.src = src or new_src()
        self.taken = 0
        """The last number that was given out."""
        self.mark = 0
        """All numbers up to this one are acknowledged."""
        self._ahead: set[int] = set()

    @property
    def upcoming(self) -> Stamp:
        """The stamp of the event that is made now; it is used only if `take` follows."""
        return Stamp(self.src, self.taken + 1)

    def take(self) -> None:
        """The event with the upcoming stamp is on its way."""
        self.taken += 1

    def acknowledge(self, seq: int) -> None:
        """Kafka has the event; acknowledgements may come in any order."""
        if seq != self.mark + 1:
            self._ahead.add(seq)
            return
        self.mark = seq
        while self.mark + 1 in self._ahead:
            self.mark += 1
            self._ahead.remove(self.mark)


def new_src() -> int:
    """A start id: 40 random bits, never 0."""
    return 1 + secrets.randbelow((1 << SRC_BITS) - 1)
