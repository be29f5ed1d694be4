"""The windows of one partition: everything that its clicks are compared with."""

import numpy as np
from numpy.typing import NDArray

from streams.batch import Offsets
from streams.windows.hold import Stretch
from streams.windows.keys import Compared, Numbers
from streams.windows.marks import Marks
from streams.windows.repeats import Repeats
from streams.windows.rules import WindowRules


class Windows:
    """Bursts, traps, rates and repeats. Clicks are looked at in the order of the log, and judged in it, some later.

    All that comes out is a function of the log and the rules, but for clicks that the clock on the wall closed
    (`Hold.closed`): it does not depend on how the log was cut into batches, nor on restarts.
    """

    def __init__(self, rules: WindowRules) -> None:
        self._marks, self._repeats = Marks(rules), Repeats(rules)
        self.watched = rules.watched

    @property
    def bytes(self) -> int:
        """Memory that they may take."""
        return self._marks.bytes + self._repeats.bytes

    def restore(self, stretch: Stretch, clicks: Compared, counted: NDArray[np.bool_]) -> None:
        """Take up where the rows end: with clicks that were judged before, in order, and which of them count."""
        if len(stretch.offsets):
            self._marks.judged = int(stretch.offsets[-1]) + 1
        self._marks.look(stretch, clicks)
        self._repeats.find(stretch.offsets, stretch.clocks, clicks.ts, np.where(counted, clicks.pairs, 0))

    def look(self, stretch: Stretch, clicks: Compared) -> None:
        """Look at more clicks."""
        self._marks.look(stretch, clicks)

    def reasons(self, offsets: Offsets) -> dict[int, int]:
        """Place → reasons' bits, of the clicks at the offsets, which are judged now: the next in order."""
        found = self._marks.take(int(offsets[-1]) + 1)
        places = np.searchsorted(offsets, list(found)).tolist()
        return dict(zip(places, found.values(), strict=True))

    def repeats(self, offsets: Offsets, clocks: Offsets, ts: Offsets, pairs: Numbers) -> NDArray[np.intp]:
        """The places of the repeats among the clicks that are judged now; `pairs` is 0 for those that do not count."""
        return np.searchsorted(offsets, self._repeats.find(offsets, clocks, ts, pairs))
