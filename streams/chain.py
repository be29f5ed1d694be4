"""The chain: what is done to the records of one partition until they are rows."""

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cached_property

from streams import metrics
from streams.batch import Records
from streams.caches import CacheCounts, caches
from streams.dead_ratio import DeadRatio
from streams.decode import decode_records
from streams.duplicates import Resent, click_keys, flagged
from streams.enrich.chain import refresh, systems
from streams.enrich.enricher import Enricher, step_name
from streams.inserter import Rows
from streams.judge.judge import Judge
from streams.letters import Letters
from streams.maker import Stored
from streams.own.load import OwnEnricher
from streams.own.step import OwnStep
from streams.rows import dead_letter_columns, log_columns
from streams.windows.hold import Stretch
from streams.windows.judged import judged, looked_at
from streams.windows.restore import Past, restored_resent, restored_windows
from streams.windows.rules import WindowRules
from streams.windows.windows import Windows
from warehouse.columns import Column, Columns, cut, joined
from warehouse.events import COLUMNS
from warehouse.failpoints import Failpoint, reach
from warehouse.ledger import Ledger, Partition, Position

Enriching = Sequence[tuple[str, Enricher]]

DECODE, LOOK_AROUND, JUDGE = "decode", "look_around", "judge"
"""Names of the steps that are no enrichers."""


@dataclasses.dataclass(frozen=True)
class Chain:
    """What is done to every record, and what all partitions share for it."""

    ledger: Ledger
    enrichers: Sequence[Enricher]
    judge: Judge
    dead_ratio: DeadRatio
    windows: WindowRules
    own: Sequence[OwnEnricher] = ()
    """The users' own enrichers, which run after Weir's."""
    letters: Letters | None = None
    """Where dead letters go; None: to the ledger's table alone."""

    def __call__(self, partition: Partition) -> "PartitionChain":
        """The chain of one partition, which remembers what its clicks are compared with."""
        return PartitionChain(self, partition)

    @cached_property
    def caches(self) -> CacheCounts:
        """What the caches of all steps did, for the metrics."""
        return CacheCounts(caches(self.enrichers, self.judge))

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of all steps in their order, by which they are timed."""
        named = (*map(step_name, self.enrichers), *(enricher.name for enricher in self.own))
        return (DECODE, LOOK_AROUND, *named, JUDGE)

    def enriching(self) -> Enriching:
        """The enriching steps of one partition by name: the users' own may count, so each partition has theirs."""
        own = [(enricher.name, OwnStep(enricher)) for enricher in self.own]
        return [*((step_name(enricher), enricher) for enricher in self.enrichers), *own]

    def finish(self, rows: Columns, enriching: Enriching, windows: Windows) -> Iterator[tuple[str, Columns]]:
        """Step by step, name and columns, what is made of rows that were looked at and are closed."""
        known = dict(rows)
        for name, enricher in enriching:
            with metrics.STEP_SECONDS.labels(name).time():
                made = enricher(known)
            known |= made
            yield name, made
        with metrics.STEP_SECONDS.labels(JUDGE).time():
            made = judged(known, self.judge, windows)
        yield JUDGE, made


class PartitionChain:
    """Decode → look up → look around, then, of what is closed, enrich → judge; a `streams.maker.Work`.

    Its only side effect is the payloads of undecodable records, which go to `dead_letters` before their rows exist:
    a crash in between writes them a second time, and the table keeps one.
    """

    def __init__(self, chain: Chain, partition: Partition) -> None:
        self._chain, self._partition = chain, partition
        self._windows, self._resent = Windows(chain.windows), Resent()
        self._enriching = chain.enriching()
        self._letters = chain.letters or Letters(chain.ledger)
        self._looked: list[dict[str, Column]] = []
        """What is not rows yet, a look after the other."""

    async def restore(self, position: Position, before: int) -> int:
        """Take up where the rows before an offset end; returns the log's clock there. Raises what the ledger does."""
        past = Past(self._chain.ledger, self._partition, position, before)
        self._windows, clock = await restored_windows(past, self._chain.windows)
        metrics.WINDOWS.labels(self._partition.number).set(self._windows.bytes)
        self._resent = await restored_resent(past)
        return clock

    async def look(self, records: Records, stretch: Stretch, stored: Stored) -> None:
        """Decode the next records and compare them. Raises `TooManyDead`, and what the ledger does."""
        with metrics.STEP_SECONDS.labels(DECODE).time():
            decoded = decode_records(records)
        self._chain.dead_ratio.observe(len(records), len(decoded.dead))
        if decoded.dead:
            reach(Failpoint.BEFORE_LETTERS)
            partition = self._partition
            letters = dead_letter_columns(partition.topic_id, partition.number, records, decoded.dead)
            await self._letters.put(letters)
        known = await self._known(decoded.columns, int(stretch.offsets[0]), stored)
        duplicates = self._resent.duplicates(decoded.columns, stretch, known=known, dead=decoded.dead)
        with metrics.STEP_SECONDS.labels(LOOK_AROUND).time():
            columns = {**decoded.columns, "asn": systems(self._chain.enrichers, decoded.columns)}
            looked = looked_at(columns, stretch, self._windows, dead=decoded.dead, duplicates=duplicates)
        self._looked.append(looked)

    async def _known(self, columns: Columns, first: int, stored: Stored) -> set[tuple[int, int]]:
        """Which of the flagged ids came before: in what is held, or in the ledger."""
        ids = flagged(columns)
        if not ids:
            return set()
        await stored()
        held = {
            key for part in self._looked for key, dead in zip(click_keys(part), part["dead"], strict=True) if not dead
        }
        return held.intersection(ids) | await self._chain.ledger.known(self._partition, ids, first)

    def rows(self, records: Records, batch_time: int) -> Rows:
        """The rows of the next records, which were all looked at, in their order."""
        with metrics.CHAIN_SECONDS.time():
            rows: dict[str, Column] = {}
            for _, made in self.steps(records, batch_time):
                rows |= made
        metrics.MADE.inc(len(records))
        self._chain.caches.tell()
        return {name: rows[name] for name in COLUMNS if name in rows}

    def steps(self, records: Records, batch_time: int) -> Iterator[tuple[str, Columns]]:
        """The same step by step: name, and the columns that it makes."""
        refresh(self._chain.enrichers)
        place = log_columns(self._partition.topic_id, self._partition.number, records, batch_time)
        rows = place | self._take(len(records))
        yield DECODE, dict(rows)
        yield from self._chain.finish(rows, self._enriching, self._windows)

    def _take(self, count: int) -> dict[str, Column]:
        """The columns of the next records, taken from what was looked at."""
        parts: list[dict[str, Column]] = []
        while count:
            part = self._looked.pop(0)
            if len(part["clock"]) > count:
                self._looked.insert(0, cut(part, slice(count, None)))
                part = cut(part, slice(count))
            parts.append(part)
            count -= len(part["clock"])
        return joined(parts)
