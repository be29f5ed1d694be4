"""Marks: what a click's neighbours say about who made it. Bursts, traps and rates.

Each rule fires at the click that completes its evidence, and marks the earlier ones that belong to it as far as it
follows within their hold. So the first clicks of a burst are marked as well.
"""

from collections.abc import Sequence

import numpy as np

from streams.batch import Offsets
from streams.judge.reasons import BIT, Reason
from streams.windows.hold import Stretch
from streams.windows.keys import Compared
from streams.windows.rules import LATE_MS, WindowRules
from streams.windows.sightings import PIECE, Sightings, ring_bits

KEEP = 32
"""So many earlier clicks of a mail or an address are looked at, so that a flood costs no more than a burst."""

BURST, TRAP, RATE, NETWORK_BURST = (
    BIT[reason] for reason in (Reason.BURST, Reason.TRAP, Reason.RATE, Reason.NETWORK_BURST)
)


class Marks:
    """Bursts, traps and rates among the clicks of one partition."""

    def __init__(self, rules: WindowRules) -> None:
        self._hold, self._limits = rules.hold, rules.thresholds
        span = rules.marks_ms + LATE_MS
        self._sources = Sightings(clicks=rules.clicks, millis=span, keep=KEEP)
        self._seconds = Sightings(clicks=rules.clicks, millis=span, keep=rules.thresholds.rate)
        self._networks = Sightings(clicks=rules.clicks, millis=span, keep=KEEP)
        size = 1 << ring_bits(rules.clicks)
        self._mask = size - 1
        self._clocks, self._starts, self._ts = (np.zeros(size, np.int64) for _ in range(3))
        self._links = np.zeros(size, np.uint64)
        self._traps, self._recipients = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
        self._last_trap = -1
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
            offsets, clocks = stretch.offsets[piece], stretch.clocks[piece]
            self._write(offsets & self._mask, clocks, stretch.starts[piece], clicks.at(piece))
            for offset in offsets[clicks.traps[piece]].tolist():
                self._mark(offset, TRAP)
                self._last_trap = offset
            for offset, slot in self._sources.note(offsets, clocks, clicks.sources[piece]):
                self._compare(offset, self._sources.earlier(offset, slot))
                self._sources.add(offset, slot)
            for offset, slot in self._seconds.note(offsets, clocks, clicks.seconds[piece]):
                earlier = self._seconds.earlier(offset, slot)
                if len(earlier) >= self._limits.rate:
                    self._mark_all(offset, earlier, RATE)
                self._seconds.add(offset, slot)
            for offset, slot in self._networks.note(offsets, clocks, clicks.networks[piece]):
                earlier = self._networks.earlier(offset, slot)
                self._find_burst(offset, earlier, self._limits.burst_links_of_network, NETWORK_BURST)
                self._networks.add(offset, slot)

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

    def _compare(self, offset: int, earlier: Sequence[int]) -> None:
        """Hold a click against those of the same mail or address."""
        has_recipient = self._recipients.item(offset & self._mask)
        enough = self._limits.burst_links_of_mail if has_recipient else self._limits.burst_links_of_address
        self._find_burst(offset, earlier, enough, BURST)
        if earlier and self._last_trap >= earlier[-1]:
            self._look_for_traps(offset, earlier)

    def _find_burst(self, offset: int, earlier: Sequence[int], enough: int, bit: int) -> None:
        """Mark a click and earlier ones where they are on so many distinct links."""
        if len(earlier) + 1 >= enough:
            near = self._near(offset, earlier, self._limits.burst_ms)
            if len({self._links.item(other & self._mask) for other in (offset, *near)}) >= enough:
                self._mark_all(offset, near, bit)

    def _look_for_traps(self, offset: int, earlier: Sequence[int]) -> None:
        around = self._near(offset, earlier, self._limits.trap_ms)
        if self._traps.item(offset & self._mask):
            self._mark_all(offset, around, TRAP)
        elif any(self._traps.item(other & self._mask) for other in around):
            self._mark(offset, TRAP)

    def _near(self, offset: int, earlier: Sequence[int], millis: int) -> list[int]:
        ts = self._ts.item(offset & self._mask)
        return [other for other in earlier if abs(self._ts.item(other & self._mask) - ts) < millis]

    def _mark_all(self, offset: int, others: Sequence[int], bit: int) -> None:
        """Mark the click that completes the evidence, and those that it follows within their hold."""
        self._mark(offset, bit)
        at = offset & self._mask
        clock, start = self._clocks.item(at) - self._hold.millis, self._starts.item(at) - self._hold.max_bytes
        for other in others:
            at = other & self._mask
            if self._clocks.item(at) > clock and self._starts.item(at) > start:
                self._mark(other, bit)

    def _mark(self, offset: int, bit: int) -> None:
        if offset >= self.judged:
            self._found[offset] = self._found.get(offset, 0) | bit
