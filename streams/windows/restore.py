"""Windows restored from rows: what a partition's next clicks are compared with, after a restart or a rebalance.

One partition at a time, since each is taken over, retried and bounded by itself; both statements read the parts of the
last hour alone, by their batch times.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ingest.events import Kind
from streams.duplicates import MEMORY_CLICKS, MEMORY_MS, Resent
from streams.windows.hold import Stretch
from streams.windows.keys import compared
from streams.windows.rules import WindowRules
from streams.windows.windows import Windows
from warehouse.columns import Coded, Column
from warehouse.ledger import Ledger, Partition, Position


@dataclasses.dataclass(frozen=True)
class Past:
    """The rows of a partition before an offset."""

    ledger: Ledger
    partition: Partition
    position: Position
    before: int

    async def rows(self, statement: str, span_ms: int, limit: int) -> Sequence[Sequence[Any]]:
        """The last of them, in order: as far back as a span of the log's clock, and some more. Raises as the ledger."""
        if self.position.next is None:
            return []
        bounds = {
            "before": self.before,
            "span": span_ms // 1000 + 1,
            # Where the last row is found; rows behind a hole are later than those that clicks in it are compared with.
            "last_batch": 0 if self.position.stored else self.position.batch_time,
            "limit": limit,
        }
        return (await self.ledger.read(statement, self.partition.parameters | bounds))[::-1]


async def restored_windows(past: Past, rules: WindowRules) -> tuple[Windows, int]:
    """Windows as they were after the rows, and the log's clock at the last of them, Unix milliseconds."""
    windows = Windows(rules)
    found = await past.rows("recent", rules.span_ms, rules.clicks)
    if not found:
        return windows, 0
    offsets, appended, counts, clicks = _columns(found)
    clocks = np.maximum.accumulate(np.array(appended, np.int64))
    stretch = Stretch(np.array(offsets, np.int64), clocks, clocks, np.zeros(len(found), np.int64))
    windows.restore(stretch, compared(clicks, rules.watched), np.array(counts, np.bool_))
    return windows, int(clocks[-1])


async def restored_resent(past: Past) -> Resent:
    """The memory of flagged ids as it was after the rows."""
    resent = Resent()
    found = await past.rows("resent", MEMORY_MS, MEMORY_CLICKS)
    resent.restore([(src, seq) for src, seq, _ in found], [at for *_, at in found])
    return resent


def _columns(rows: Sequence[Sequence[Any]]) -> tuple[Sequence[int], Sequence[int], Sequence[int], Mapping[str, Column]]:
    """Offsets, append times, which ones count, and all as they were decoded; what is not compared is no click."""
    offset, appended, ts, clicks, counts, link, visitor, address, network, asn, message, recipient, trap = zip(
        *rows, strict=True
    )
    return (
        offset,
        appended,
        counts,
        {
            "kind": Coded.of([Kind.CLICK if click else Kind.CLOSE for click in clicks]),
            "ts": np.array(ts, np.int64),
            "link_id": Coded.of(link),
            "visitor_id": np.array(visitor, np.uint64),
            "address_id": np.array(address, np.uint64),
            "network": Coded.of(network),
            "asn": Coded.of(asn),
            "message_id": Coded.of(message),
            "recipient_id": Coded.of(recipient),
            "trap": np.array(trap, np.bool_),
        },
    )
