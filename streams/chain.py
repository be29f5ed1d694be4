"""The chain: what is done to the records of one partition until they are rows."""

import dataclasses
from collections.abc import Sequence

from streams import metrics
from streams.batch import Record
from streams.dead_ratio import DeadRatio
from streams.decode import decode_records
from streams.duplicates import duplicates, flagged
from streams.enrich.chain import refresh
from streams.enrich.enricher import Enricher
from streams.inserter import Rows
from streams.judge import Judge
from streams.partition import Stored
from streams.rows import dead_letter_columns, log_columns
from warehouse.events import COLUMNS
from warehouse.failpoints import Failpoint, reach
from warehouse.ledger import Ledger, Partition


@dataclasses.dataclass(frozen=True)
class Chain:
    """Decode → look up → enrich → judge, a batch at a time; a `streams.partition.Work`.

    Its only side effect is the payloads of undecodable records, which go to `dead_letters` before their rows exist:
    a crash in between writes them a second time, and the table keeps one.
    """

    ledger: Ledger
    enrichers: Sequence[Enricher]
    judge: Judge
    dead_ratio: DeadRatio

    async def __call__(self, partition: Partition, records: Sequence[Record], batch_time: int, stored: Stored) -> Rows:
        """The rows of the records, in their order. Raises `TooManyDead`, and what the ledger does."""
        decoded = decode_records(records)
        self.dead_ratio.observe(len(records), len(decoded.dead))
        if decoded.dead:
            reach(Failpoint.BEFORE_LETTERS)
            letters = dead_letter_columns(partition.topic_id, partition.number, records, decoded.dead)
            await self.ledger.replace("dead_letters", letters)
        if resent := flagged(decoded.columns):
            await stored()
        known = await self.ledger.known(resent)
        refresh(self.enrichers)
        with metrics.CHAIN_SECONDS.time():
            rows = log_columns(partition.topic_id, partition.number, records, batch_time) | decoded.columns
            for enricher in self.enrichers:
                rows |= enricher(rows)
            rows |= self.judge(rows, dead=decoded.dead, duplicates=duplicates(rows, known))
        return {name: rows[name] for name in COLUMNS if name in rows}
