"""Keys of busy networks are spread: no partition gets more than its share because one key has more than that.

A click's key says what has to be seen together, and a whole carrier or office behind one /24 is one key. Where a key
has more of a process's traffic than a partition should get, its clicks go to ten keys instead, by their address ids:
what one address does (repeats, rates, bursts) is still seen together, and only rules that look at the network as a
whole see parts of it. Where no address is known (the client objects), the number of the click decides.
"""

from collections import Counter

from ingest import metrics

PARTS = 10
SAMPLE = 16
"""One click of so many is counted."""
WINDOW = 4096
"""Counted clicks after which it is decided anew: 65,536 clicks."""
WINDOW_MS = 60_000
"""A process that takes longer for these has little traffic, and nothing is spread."""
KEEP = 0.5
"""Share of the limit below which a key that is spread is no longer."""


class Spread:
    """Which keys are spread, by the clicks of this process."""

    def __init__(self) -> None:
        self._counts: Counter[bytes] = Counter()
        self._counted = self._began = 0
        self._busy: frozenset[bytes] = frozenset()

    def key(self, key: bytes, seq: int, ts: int, address_id: str | bytes, partitions: int) -> bytes:
        """The key that a click goes by; `partitions` is how many the topic has, 0 where that is not known."""
        if not seq % SAMPLE:
            self._count(key, partitions, ts)
        if self._busy and key in self._busy:
            part = int(address_id or hex(seq), 16) % PARTS
            return b"%b\x1f%d" % (key, part)
        return key

    def _count(self, key: bytes, partitions: int, ts: int) -> None:
        self._counts[key] += 1
        self._counted += 1
        if self._counted < WINDOW:
            return
        limit = WINDOW / max(partitions, 1) if ts - self._began < WINDOW_MS else WINDOW
        self._began = ts
        self._busy = frozenset(
            key for key, count in self._counts.items() if count > limit * (KEEP if key in self._busy else 1)
        )
        metrics.SPREAD_KEYS.set(len(self._busy))
        self._counts.clear()
        self._counted = 0
