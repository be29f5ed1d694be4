"""Marks: what a click's neighbours say about who made it. Bursts, traps and rates.

Each rule fires at the click that completes its evidence, and marks the earlier ones that belong to it as far as it
follows within their hold. So the first clicks of a burst are marked as well.
"""

import numpy as np
from numpy.typing import NDArray

from streams.batch import Offsets
from streams.judge.reasons import BIT, Reason
from streams.windows.hold import Stretch
from streams.windows.keys import Compared
from streams.windows.rules import LATE_MS, WindowRules
from streams.windows.sightings import PIECE, Sightings, ring_bits

KEEP = 32
"""So many earlier clicks of a mail or an address are looked at, so that a flood costs no more than a burst."""
KEEP_OF_NETWORK = 16
"""Of a network that is watched; there floods are common."""

BURST, TRAP, RATE, NETWORK_BURST = (
    BIT[reason] for reason in (Reason.BURST, Reason.TRAP, Reason.RATE, Reason.NETWORK_BURST)
)

Mask = NDArray[np.bool_]


class Marks:
    """Bursts, traps and rates among the clicks of one partition."""

    def __init__(self, rules: WindowRules) -> None:
        self._hold, self._limits = rules.hold, rules.thresholds
        span = rules.marks_ms + LATE_MS
        self._sources = Sightings(clicks=rules.clicks, millis=span, keep=KEEP)
        self._seconds = Sightings(clicks=rules.clicks, millis=span, keep=rules.thresholds.rate)
        self._networks = Sightings(clicks=rules.clicks, millis=span, keep=KEEP_OF_NETWORK)
        size = 1 << ring_bits(rules.clicks)
        self._mask = size - 1
        self._clocks, self._starts, self._ts = (np.zeros(size, np.int64) for _ in range(3))
        self._links = np.zeros(size, np.uint64)
        self._traps, self._recipients = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
        self._found: dict[int, int] = {}
        self.judged = 0
        """Clicks below this offset are judged: nothing marks them any more."""

    @property
    def bytes(self) -> int:
        """Memory that it may take."""
        own = (self._clocks, self._starts, self._ts, self._links, self._traps, self._recipients)
        seen = (self._sources, self._seconds, self._networks)
        return sum(one.bytes for one in seen) + sum(column.nbytes for column in own)

    def look(self, stretch: Stretch, clicks: Compared) -> None:
        """Look at more clicks, in the order of the log, and mark those that are given away by now."""
        for first in range(0, len(stretch.offsets), PIECE):
            piece = slice(first, first + PIECE)
            offsets, clocks, some = stretch.offsets[piece], stretch.clocks[piece], clicks.at(piece)
            self._write(offsets & self._mask, clocks, stretch.starts[piece], some)
            self._mark(offsets[some.traps], TRAP)
            places, earlier = self._sources.see(offsets, clocks, some.sources)
            self._compare(offsets[places], earlier - 1)
            places, earlier = self._seconds.see(offsets, clocks, some.seconds)
            many = earlier[:, -1] > 0
            self._mark_all(offsets[places[many]], earlier[many] - 1, np.ones(earlier[many].shape, np.bool_), RATE)
            places, earlier = self._networks.see(offsets, clocks, some.networks)
            enough = np.full(len(places), self._limits.burst_links_of_network)
            self._find_bursts(offsets[places], earlier - 1, enough, NETWORK_BURST)

    def take(self, end: int) -> dict[int, int]:
        """Offset → reasons' bits, of the clicks below `end`, which are judged now."""
        self.judged = end
        found = {offset: bits for offset, bits in self._found.items() if offset < end}
        for offset in found:
            del self._found[offset]
        return found

    def _write(self, at: Offsets, clocks: Offsets, starts: Offsets, clicks: Compared) -> None:
        self._clocks[at], self._starts[at], self._ts[at] = clocks, starts, clicks.ts
        self._links[at], self._traps[at], self._recipients[at] = clicks.links, clicks.traps, clicks.recipients

    def _compare(self, offsets: Offsets, earlier: Offsets) -> None:
        """Hold clicks against those of the same mail or address: a row each, -1 where there are no more."""
        limits, at = self._limits, offsets & self._mask
        enough = np.where(self._recipients[at], limits.burst_links_of_mail, limits.burst_links_of_address)
        self._find_bursts(offsets, earlier, enough, BURST)
        traps = self._traps[earlier & self._mask] & (earlier >= 0)
        own = self._traps[at]
        if traps.any() or own.any():
            around = self._near(offsets, earlier, limits.trap_ms)
            self._mark_all(offsets[own], earlier[own], around[own], TRAP)
            self._mark(offsets[(traps & around).any(axis=1)], TRAP)

    def _find_bursts(self, offsets: Offsets, earlier: Offsets, enough: NDArray[np.int64], bit: int) -> None:
        """Mark clicks and earlier ones where they are on so many distinct links."""
        near = self._near(offsets, earlier, self._limits.burst_ms)
        many = near.sum(axis=1) + 1 >= enough
        offsets, earlier, near = offsets[many], earlier[many], near[many]
        own = self._links[offsets & self._mask][:, np.newaxis]
        links = np.sort(np.hstack([own, np.where(near, self._links[earlier & self._mask], own)]), axis=1)
        burst = 1 + (links[:, 1:] != links[:, :-1]).sum(axis=1) >= enough[many]
        self._mark_all(offsets[burst], earlier[burst], near[burst], bit)

    def _near(self, offsets: Offsets, earlier: Offsets, millis: int) -> Mask:
        """Which of the earlier clicks lie so near by click time."""
        apart = self._ts[earlier & self._mask] - self._ts[offsets & self._mask][:, np.newaxis]
        near: Mask = (np.abs(apart) < millis) & (earlier >= 0)
        return near

    def _mark_all(self, offsets: Offsets, others: Offsets, which: Mask, bit: int) -> None:
        """Mark the clicks that complete the evidence, and those of the others that they follow within their hold."""
        self._mark(offsets, bit)
        at, among = offsets & self._mask, others & self._mask
        clocks, starts = self._clocks[at] - self._hold.millis, self._starts[at] - self._hold.max_bytes
        held = (self._clocks[among] > clocks[:, np.newaxis]) & (self._starts[among] > starts[:, np.newaxis])
        self._mark(np.unique(others[which & held]), bit)

    def _mark(self, offsets: Offsets, bit: int) -> None:
        for offset in offsets[offsets >= self.judged].tolist():
            self._found[offset] = self._found.get(offset, 0) | bit
