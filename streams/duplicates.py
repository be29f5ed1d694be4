"""Duplicates: the same click id again. A flagged click may be in the ledger already: sent again, or imported.

A click that is not flagged can only be the late original of a flagged copy, so the ids of flagged ones are remembered
for a while. Which of the two counts is decided by the log: the first.
"""

from collections import OrderedDict
from collections.abc import Collection, Sequence

import numpy as np

from streams.windows.hold import Stretch
from warehouse.columns import Columns

ClickKey = tuple[int, int]
"""(src, seq): what is random in a click id."""

MEMORY_MS = 3 * 3_600_000
"""How long an original may come after its flagged copy, by the log's clock: an hour, though that clock be set ahead."""
MEMORY_CLICKS = 50_000
"""How many flagged clicks of a partition are remembered at the most."""


def click_keys(columns: Columns) -> list[ClickKey]:
    """The id of every click."""
    src, seq = (np.asarray(columns[name]).tolist() for name in ("src", "seq"))
    return list(zip(src, seq, strict=True))


def flagged(columns: Columns) -> list[ClickKey]:
    """The ids that have to be looked up in the ledger."""
    src, seq, resent = (np.asarray(columns[name]) for name in ("src", "seq", "resent"))
    places = np.flatnonzero(resent)
    return list(zip(src[places].tolist(), seq[places].tolist(), strict=True))


class Resent:
    """The flagged ids that one partition had last."""

    def __init__(self, *, millis: int = MEMORY_MS, clicks: int = MEMORY_CLICKS) -> None:
        self._millis, self._clicks = millis, clicks
        self._seen: OrderedDict[ClickKey, tuple[int, int]] = OrderedDict()
        """Id → (how many flagged ones came before it, when it was appended), the latest last."""
        self._count = 0

    def __len__(self) -> int:
        return len(self._seen)

    def restore(self, ids: Sequence[ClickKey], appended: Sequence[int]) -> None:
        """Remember flagged ids of rows, in the order of the log."""
        for key, at in zip(ids, appended, strict=True):
            self._remember(key, at)

    def duplicates(
        self, columns: Columns, stretch: Stretch, *, known: Collection[ClickKey] = (), dead: Collection[int] = ()
    ) -> list[int]:
        """The places of clicks that came before; those at the places `dead` are no clicks, whatever their ids.

        `known` are those of the flagged ids that came before the first of these clicks, stored or still held.
        """
        resent = np.asarray(columns["resent"], np.bool_)
        if not (self._seen or np.any(resent)):
            return []
        keys = click_keys(columns)
        if not np.any(resent) and self._seen.keys().isdisjoint(keys):
            return []
        before, found = set(known), []
        times = zip(stretch.clocks.tolist(), stretch.appended.tolist(), strict=True)
        for place, (key, again, (clock, at)) in enumerate(zip(keys, resent.tolist(), times, strict=True)):
            if self._remembers(key, clock) or (again and key in before):
                found.append(place)
            if place not in dead:
                before.add(key)
            if again:
                self._remember(key, at)
        return found

    def _remembers(self, key: ClickKey, clock: int) -> bool:
        if key not in self._seen:
            return False
        count, at = self._seen[key]
        return self._count - count <= self._clicks and clock - at <= self._millis

    def _remember(self, key: ClickKey, at: int) -> None:
        self._seen[key] = (self._count, at)
        self._seen.move_to_end(key)
        self._count += 1
        while self._count - next(iter(self._seen.values()))[0] > self._clicks:
            self._seen.popitem(last=False)
