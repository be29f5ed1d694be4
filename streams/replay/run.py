"""A replay from end to end: reads what is stored, judges it anew, writes it beside the old, and says what is different.

It may be killed at any point: run again, it goes on behind the last piece that stands. Nothing that it writes is in an
answer before it is switched to.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from clickhouse_connect.driver.client import Client

from streams.chain import Chain
from streams.replay.anew import COMPARED, Anew, judged_anew
from streams.replay.difference import Difference, difference
from warehouse.columns import Columns
from warehouse.ledger import Partition
from warehouse.replays.edition import Edition
from warehouse.replays.history import History
from warehouse.replays.layers import Ranges

PIECE = 50_000
"""Rows that are judged at a time, some 2 kB of memory each; two pieces are held."""
AHEAD = 5_000
"""Rows behind the range that are read at a time, to see what follows its last clicks."""

Tell = Callable[[int], None]
"""Takes how many rows are done."""


@dataclasses.dataclass(frozen=True)
class Rejudging:
    """Judges ranges of offsets anew; without an `edition` nothing is written."""

    client: Client
    chain: Chain
    edition: Edition | None = None
    tell: Tell = lambda _: None
    piece: int = PIECE

    def run(self, ranges: Ranges) -> Difference:
        """What became different; of an edition that was begun before, in what was left of it.

        Raises `ReplayRefused`, and what clickhouse-connect does: then run it again.
        """
        found = Difference()
        for (topic_id, number), offsets in ranges.items():
            found += self._partition(Partition(topic_id, number), offsets)
        return found

    def _partition(self, partition: Partition, offsets: range) -> Difference:
        start = self.edition.position(partition, offsets) if self.edition else offsets.start
        self.tell(start - offsets.start)
        history, anew, found = History(self.client, partition), Anew(self.chain), Difference()
        before = range(max(0, start - self.chain.windows.clicks), start)
        anew.restore(
            history.read(before, COMPARED, since=offsets.start, edition=self.edition.number if self.edition else 0)
        )
        for rows, judged in judged_anew(self._pieces(history, range(start, offsets.stop)), anew):
            place = np.asarray(rows["kafka_offset"])
            if place[0] >= offsets.stop:
                break
            different, stop = difference(rows, judged), int(place[-1]) + 1
            if self.edition:
                self._write(self.edition, partition, range(start, stop), judged, different)
            self.tell(stop - start)
            found, start = found + different, stop
        return found

    def _pieces(self, history: History, offsets: range) -> Iterator[Columns]:
        """The rows piece by piece, and those that follow, as long as they are asked for."""
        steps = (
            *(range(first, min(first + self.piece, offsets.stop)) for first in offsets[:: self.piece]),
            *(range(first, first + AHEAD) for first in range(offsets.stop, history.end, AHEAD)),
        )
        yield from filter(None, map(history.read, steps))

    def _write(
        self, edition: Edition, partition: Partition, offsets: range, rows: Columns, different: Difference
    ) -> None:
        what, before, after = zip(*different.changes, strict=True) if different.changes else ((), (), ())
        changes = {"what": what, "before": before, "after": after, "rows": different.changes.values()}
        counts = {"rows": different.rows, "changed": different.changed}
        edition.note(partition, offsets, counts | {f"changes.{name}": list(values) for name, values in changes.items()})
        edition.write(partition, rows)
