"""Judging stored rows anew, in the order of the log, with what comes after them looked at first, as a worker does.

What comes from the log stays: the raw click, what is undecodable, what a redirector says of itself, and which click is
a copy of another. What rules make of it is made again.
"""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ingest.events import Kind
from streams.chain import Chain
from streams.enrich.chain import systems
from streams.replay.difference import MADE_COLUMNS
from streams.windows.hold import Stretch
from streams.windows.judged import looked_at
from streams.windows.keys import compared
from streams.windows.windows import Windows
from warehouse.columns import Coded, Column, Columns, coded, joined
from warehouse.events import COUNTED, RAW_COLUMNS, Outcome

COPIED = (Outcome.DEAD, Outcome.SOURCE)
"""Rows that no rule made."""

COMPARED = (
    *("kafka_offset", "append_time", "kind", "outcome", "ts", "link_id", "visitor_id", "address_id", "network"),
    *("message_id", "recipient_id", "trap"),
)
"""What windows are restored from."""

REMADE = (*MADE_COLUMNS, "rules_version")


class Anew:
    """One partition's rows, put in in order and taken out when all is known that follows within their hold."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._windows, self._enriching = Windows(chain.windows), chain.enriching()
        self._clock = 0
        self._pieces: deque[tuple[Columns, Columns]] = deque()

    def restore(self, past: Columns) -> None:
        """Take up where rows end that were judged already, the last before those that come: `COMPARED`, or {}."""
        if past:
            raw, stretch = self._raw(past), self._stretch(past)
            clicks = compared(raw, self._windows.watched, _places(past, Outcome.DEAD, Outcome.DUPLICATE).tolist())
            self._windows.restore(stretch, clicks, np.isin(list(past["outcome"]), COUNTED))

    def look(self, rows: Columns) -> None:
        """Look at the next rows, at least one: all columns of `events`."""
        dead, copies = _places(rows, Outcome.DEAD).tolist(), _places(rows, Outcome.DUPLICATE).tolist()
        looked = looked_at(self._raw(rows), self._stretch(rows), self._windows, dead=dead, duplicates=copies)
        self._pieces.append((rows, {"kafka_offset": rows["kafka_offset"], **looked}))

    def closed(self) -> bool:
        """Whether the first piece may be taken: nothing to come can follow any of its clicks within their hold."""
        if not self._pieces:
            return False
        return self._clock >= int(np.asarray(self._pieces[0][1]["clock"])[-1]) + self._chain.windows.hold.millis

    def take(self) -> tuple[Columns, dict[str, Column]]:
        """The first piece: its rows as they were put in, and as they are judged now."""
        rows, looked = self._pieces.popleft()
        made: dict[str, Column] = {"extra": Coded.constant((), len(rows["kafka_offset"]))}
        for _, columns in self._chain.finish(looked, self._enriching, self._windows):
            made |= columns
        copied = _places(rows, *COPIED)
        again = {name: _with(made[name], rows[name], copied) for name in REMADE if name in made}
        return rows, {**rows, **again}

    def rest(self) -> Iterator[tuple[Columns, dict[str, Column]]]:
        """What is left when nothing follows any more."""
        while self._pieces:
            yield self.take()

    def _raw(self, rows: Columns) -> dict[str, Column]:
        kinds = coded(rows["kind"]).map(lambda kind: Kind.CLICK if kind == "unknown" else Kind(kind))
        raw = {"kind": kinds, **{name: rows[name] for name in RAW_COLUMNS if name in rows}}
        return {**raw, "asn": systems(self._chain.enrichers, raw)}

    def _stretch(self, rows: Columns) -> Stretch:
        """Nobody knows any more how long the records were, so a hold ends by time alone."""
        offsets, appended = (np.asarray(rows[name], np.int64) for name in ("kafka_offset", "append_time"))
        clocks = np.maximum.accumulate(np.maximum(appended, self._clock))
        self._clock = int(clocks[-1])
        return Stretch(offsets, appended, clocks, np.zeros(len(offsets), np.int64))


def judged_anew(pieces: Iterable[Columns], anew: Anew) -> Iterator[tuple[Columns, dict[str, Column]]]:
    """Each piece as it was and as it is judged now, as soon as what follows it has been read."""
    for piece in pieces:
        anew.look(piece)
        while anew.closed():
            yield anew.take()
    yield from anew.rest()


def _places(rows: Columns, *outcomes: Outcome) -> NDArray[np.intp]:
    column = coded(rows["outcome"])
    return np.flatnonzero(np.array([outcome in outcomes for outcome in column.values], np.bool_)[column.codes])


def _with(made: Column, before: Column, places: NDArray[np.intp]) -> Column:
    """What was made, with what stood before at some places."""
    if not len(places):
        return made
    both = coded(joined([{"": coded(made)}, {"": coded(before)}])[""])
    codes = both.codes[: len(made)].copy()
    codes[places] = both.codes[len(made) :][places]
    return Coded(both.values, codes)
