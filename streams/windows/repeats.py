"""Repeats: the same visitor on the same link again within a window that a counted click opened."""

import numpy as np

from streams.batch import Offsets
from streams.windows.keys import Numbers
from streams.windows.rules import LATE_MS, WindowRules
from streams.windows.sightings import PIECE, Sightings, ring_bits

KEEP = 16
"""So many windows of one visitor on one link are looked at; more than one is open only where old clicks come late."""


class Repeats:
    """The windows that are open in one partition.

    A click is a repeat if an earlier counted click of its visitor on its link lies less than the window away by click
    time, before it or after. A repeat opens no window, nor does anything else that is not counted.
    """

    def __init__(self, rules: WindowRules) -> None:
        self._millis = rules.repeat_ms
        self._opened = Sightings(clicks=rules.clicks, millis=rules.repeat_ms + LATE_MS, keep=KEEP)
        self._ts = np.zeros(1 << ring_bits(rules.clicks), np.int64)

    @property
    def bytes(self) -> int:
        """Memory that it may take."""
        return self._opened.bytes + self._ts.nbytes

    def find(self, offsets: Offsets, clocks: Offsets, ts: Offsets, pairs: Numbers) -> list[int]:
        """The offsets of the repeats among clicks that would count otherwise; the others open their windows.

        `pairs` are keys of visitor and link, 0 where a click has no visitor or does not count.
        """
        found: list[int] = []
        mask = len(self._ts) - 1
        for first in range(0, len(offsets), PIECE):
            piece = slice(first, first + PIECE)
            self._ts[offsets[piece] & mask] = ts[piece]
            for offset, slot in self._opened.note(offsets[piece], clocks[piece], pairs[piece]):
                earlier, at = self._opened.earlier(offset, slot), self._ts.item(offset & mask)
                if any(abs(self._ts.item(other & mask) - at) < self._millis for other in earlier):
                    found.append(offset)
                else:
                    self._opened.add(offset, slot)
        return found
