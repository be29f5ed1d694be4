"""Sightings: earlier clicks by key, in an amount of memory that is known from the start.

What a click can see is a matter of the log alone, so that it sees the same after a restart: of the clicks before it
with its key the last `keep`, as far as they lie at most `clicks` offsets and `millis` of the log's clock before it.

A hash table over a ring: the table knows the last click of each slot, the ring knows of each click the one before it
in its slot. What lies too far back is not taken out, it is just not followed, and its place is written over in time.
Clicks are named by their offset plus one; 0 is none.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.batch import Offsets
from streams.windows.keys import FIRST, Numbers

PIECE = 8192
"""Clicks that can be noted at once; the ring is by so much larger than what is seen."""

FEW = 100
"""So few chains are followed one by one, which is cheaper; one is long where it shares its slot with a key of many."""


def ring_bits(clicks: int) -> int:
    """A ring of two to the power of it holds what is seen and what is noted at once."""
    return (clicks + PIECE).bit_length()


class Sightings:
    """Clicks by key, remembered all at once (`see`), or one by one where it depends on what a click sees (`note`).

    In the latter form one whose key is new costs no step in Python, and most are.
    """

    def __init__(self, *, clicks: int, millis: int, keep: int) -> None:
        self._clicks, self._millis, self._keep = clicks, millis, keep
        bits = ring_bits(clicks)
        self._mask = (1 << bits) - 1
        self._shift = np.uint64(64 - bits - 1)  # two slots a click: few share one
        self._slot = np.min_scalar_type((2 << bits) - 1)  # of 16 bits they are sorted by radix, in a tenth of the time
        self._last = np.zeros(2 << bits, np.int64)
        self._before = np.zeros(1 << bits, np.int64)
        self._clocks = np.zeros(1 << bits, np.int64)
        self._keys = np.zeros(1 << bits, np.uint64)
        # Read one by one, a memoryview is twice as fast as an array.
        self._views = (self._before.data, self._clocks.data, self._keys.data)

    @property
    def bytes(self) -> int:
        """Memory that it may take."""
        return sum(column.nbytes for column in (self._last, self._before, self._clocks, self._keys))

    def see(self, offsets: Offsets, clocks: Offsets, keys: Numbers) -> tuple[NDArray[np.intp], Offsets]:
        """Remember clicks, at most `PIECE`, that come after all before; those with the key 0 are left out.

        Returns the places of the clicks that see earlier ones, and a row for each: the names of what it sees, the
        nearest first, filled up with zeros.
        """
        there = np.flatnonzero(keys)
        offsets, clocks, keys = offsets[there], clocks[there], keys[there]
        links = self._link(offsets, clocks, keys)
        found = np.zeros((len(there), self._keep), np.int64)
        counts = np.zeros(len(there), np.intp)
        rows, horizon = np.arange(len(there)), clocks - self._millis
        oldest = np.maximum(offsets + 1 - self._clicks, 1)
        while True:
            at = (links - 1) & self._mask
            seen = np.flatnonzero((links >= oldest[rows]) & (self._clocks[at] >= horizon[rows]))
            rows, links, at = rows[seen], links[seen], at[seen]
            if len(rows) <= FEW:
                break
            same = self._keys[at] == keys[rows]
            alike = rows[same]
            found[alike, counts[alike]] = links[same]
            counts[alike] += 1
            more = counts[rows] < self._keep
            rows, links = rows[more], self._before[at[more]]
        for row, link, count in zip(rows.tolist(), links.tolist(), counts[rows].tolist(), strict=True):
            rest = self._follow(offsets.item(row), link, self._keep - count)
            counts[row] += len(rest)
            found[row, count : count + len(rest)] = rest
        return there[counts > 0], found[counts > 0]

    def _link(self, offsets: Offsets, clocks: Offsets, keys: Numbers) -> Offsets:
        """Put clicks into the ring and their slots; returns for each the name of the one before it in its slot."""
        at, names = offsets & self._mask, offsets + 1
        slots = (keys * FIRST >> self._shift).astype(self._slot)
        self._keys[at], self._clocks[at] = keys, clocks
        order = np.argsort(slots, kind="stable")
        slots, names = slots[order], names[order]
        first = np.ones(len(slots), np.bool_)
        first[1:] = slots[1:] != slots[:-1]
        links = np.empty(len(slots), np.int64)
        links[order] = np.where(first, self._last[slots], np.roll(names, 1))
        self._before[at] = links
        self._last[slots] = names  # of several clicks in a slot the last one stays
        return links

    def note(self, offsets: Offsets, clocks: Offsets, keys: Numbers) -> Sequence[tuple[int, int]]:
        """Remember clicks, at most `PIECE`, that come after all before; those with the key 0 are left out.

        Returns offset and slot of the clicks that may meet an earlier one, which are not remembered yet: for each, in
        order, ask `earlier`, and `add` it if it is to be seen later.
        """
        there = np.flatnonzero(keys)
        offsets, keys = offsets[there], keys[there]
        at = offsets & self._mask
        self._keys[at], self._clocks[at] = keys, clocks[there]
        slots = (keys * FIRST >> self._shift).astype(np.intp)
        names = offsets + 1
        before = self._last[slots]
        self._before[at] = before
        self._last[slots[::-1]] = names[::-1]
        first = self._last[slots] == names  # of these clicks in its slot
        known = self._known(keys, names, np.where(first, before, 0))
        self._last[slots[known]] = before[known]
        met = ~first | known
        return list(zip(offsets[met].tolist(), slots[met].tolist(), strict=True))

    def _known(self, keys: Numbers, names: Offsets, links: Offsets) -> NDArray[np.bool_]:
        """Whether a key is found where links lead."""
        known = np.zeros(len(keys), np.bool_)
        open_ = np.flatnonzero(self._sees(names, links))
        while len(open_) > FEW:
            at = (links[open_] - 1) & self._mask
            same = self._keys[at] == keys[open_]
            known[open_[same]] = True
            links[open_] = self._before[at]
            open_ = open_[~same & self._sees(names[open_], links[open_])]
        for place in open_.tolist():
            known[place] = bool(self._follow(names.item(place) - 1, links.item(place), 1))
        return known

    def _sees(self, names: Offsets, links: Offsets) -> NDArray[np.bool_]:
        seen: NDArray[np.bool_] = (links != 0) & (names - links <= self._clicks)
        return seen

    def earlier(self, offset: int, slot: int) -> list[int]:
        """The offsets that a click of `note`'s sees, the nearest first."""
        return [name - 1 for name in self._follow(offset, self._last.item(slot), self._keep)]

    def _follow(self, offset: int, link: int, most: int) -> list[int]:
        """The names of those that a click sees where a link leads, the nearest first."""
        before, clocks, keys = self._views
        at = offset & self._mask
        key, horizon, oldest = keys[at], clocks[at] - self._millis, max(1, offset + 1 - self._clicks)
        found: list[int] = []
        while link >= oldest and len(found) < most:
            at = (link - 1) & self._mask
            if clocks[at] < horizon:
                break
            if keys[at] == key:
                found.append(link)
            link = before[at]
        return found

    def add(self, offset: int, slot: int) -> None:
        """Remember a click of `note`'s."""
        self._before[offset & self._mask] = self._last[slot]
        self._last[slot] = offset + 1
