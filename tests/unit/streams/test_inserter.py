"""The inserter against a model of the ledger: rows that can't be stored are buried, those and no others."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.batch import Records
from streams.dead_ratio import STORED, WINDOW_OF_STORED, DeadRatio, TooManyDead
from streams.inserter import Built, Inserter
from streams.patience import Patience
from tests.unit.streams.test_partition import PARTITION, LogRecord, ModelLedger
from warehouse.columns import Column
from warehouse.events import Outcome
from warehouse.failures import Doubtful, Refused, TooLarge, Unstorable
from warehouse.ledger import Ledger, Partition

PATIENCE = Patience(60, 0)


class PickyLedger(ModelLedger):
    """Refuses rows with certain offsets, and more than so many at once; `sent`: after having taken a prefix."""

    def __init__(
        self, bad: set[int], *, sent: bool = True, most: int = 1000, faults: Sequence[str] = (), dead_too: bool = False
    ) -> None:
        super().__init__(faults)
        self.bad, self.sent, self.most, self.dead_too = bad, sent, most, dead_too
        self.outcomes: dict[int, str] = {}
        self.letters: dict[int, Mapping[str, Any]] = {}
        self.inserts: list[int] = []

    async def insert(self, partition: Partition, first: int, columns: Mapping[str, Sequence[Any]]) -> None:
        offsets = list(columns["kafka_offset"])
        outcomes = list(columns["outcome"])
        self.inserts.append(len(offsets))
        first_bad = next(
            (place for place in range(len(offsets)) if self._refuses(offsets[place], outcomes[place])), None
        )
        if len(offsets) > self.most:
            self._take(offsets[: min(len(offsets) // 2, len(offsets) if first_bad is None else first_bad)], outcomes)
            raise TooLarge("memory")
        if first_bad is not None:
            self._take(offsets[:first_bad] if self.sent else [], outcomes)
            raise Unstorable("no", sent=self.sent)
        try:
            await super().insert(partition, first, columns)
        finally:
            taken = [offset for offset in offsets if offset in self.rows]
            self.outcomes |= dict(zip(taken, outcomes, strict=False))

    def _refuses(self, offset: int, outcome: str) -> bool:
        return offset in self.bad and (self.dead_too or outcome != Outcome.DEAD)

    def _take(self, offsets: list[int], outcomes: list[str]) -> None:
        self.rows.update(offsets)
        self.outcomes |= dict(zip(offsets, outcomes, strict=False))

    async def replace(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        assert table == "dead_letters"
        letter = {name: column[0] for name, column in columns.items()}
        assert letter["kafka_offset"] not in self.rows  # the letter is written before the row
        self.letters[letter["kafka_offset"]] = letter


def built(count: int, start: int = 0) -> Built:
    offsets = list(range(start, start + count))
    filler = {name: [0] * count for name in ("kafka_partition", "edition", "batch_time", "src", "append_time")}
    columns: dict[str, Column] = {
        "topic_id": [PARTITION.topic_id] * count,
        "kafka_offset": offsets,
        "seq": offsets,
        **filler,
    }
    columns |= {"outcome": ["human"] * count, "path": ["/"] * count}
    return Built(columns, Records.of([LogRecord(offset, value=b"payload %d" % offset) for offset in offsets]))


def inserter(ledger: ModelLedger, done: list[int], ratio: float = 1.0) -> Inserter:
    return Inserter(PARTITION, cast(Ledger, ledger), done.append, PATIENCE, DeadRatio(ratio, STORED, WINDOW_OF_STORED))


async def store(ledger: ModelLedger, *batches: Built, ratio: float = 1.0) -> list[int]:
    done: list[int] = []
    writing = inserter(ledger, done, ratio)
    await writing.open(0)
    for batch in batches:
        await writing.store(batch)
    return done


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(1, 60),
    bad=st.sets(st.integers(0, 59)),
    sent=st.booleans(),
    most=st.integers(1, 70),
    faults=st.lists(st.sampled_from(["none", "lost", "half", "unheard"]), max_size=8),
)
def test_exactly_the_guilty_rows_are_buried(
    count: int, bad: set[int], sent: bool, most: int, faults: list[str]
) -> None:
    ledger = PickyLedger(bad, sent=sent, most=most, faults=faults)
    done = asyncio.run(store(ledger, built(count)))
    assert ledger.rows.keys() == set(range(count))
    assert set(ledger.rows.values()) == {1}
    guilty = {offset for offset in bad if offset < count}
    assert {offset for offset, outcome in ledger.outcomes.items() if outcome == Outcome.DEAD} == guilty
    assert ledger.letters.keys() == guilty
    assert done == sorted(done)
    assert done[-1] == count


async def test_a_letter_has_the_payload_and_the_reason() -> None:
    ledger = PickyLedger({3})
    await store(ledger, built(5))
    letter = ledger.letters[3]
    assert {name: letter[name] for name in ("stage", "reason", "detail", "payload", "payload_size")} == {
        "stage": "insert", "reason": "unstorable", "detail": "no", "payload": b"payload 3", "payload_size": 9,
    }  # fmt: skip


async def test_what_was_not_sent_leaves_no_doubt() -> None:
    ledger = PickyLedger({3}, sent=False)
    await store(ledger, built(8))
    assert ledger.take_overs == 1
    ledger = PickyLedger({3}, sent=True)
    await store(ledger, built(8))
    assert ledger.take_overs > 1


async def test_one_guilty_row_costs_a_number_of_inserts_that_is_logarithmic() -> None:
    ledger = PickyLedger({777})
    await store(ledger, built(1000))
    assert len(ledger.inserts) <= 2 * 11


async def test_after_a_large_one_inserts_stay_small_for_a_while_and_grow_again() -> None:
    ledger = PickyLedger(set(), most=50)
    writing = inserter(ledger, [])
    await writing.open(0)
    for start in range(0, 1000, 100):
        await writing.store(built(100, start))
        ledger.most = 1000  # the memory is free again
    # The first was refused with its first half taken; the other half fits, and then more and more at once.
    assert ledger.inserts[:4] == [100, 50, 50, 50]
    assert ledger.inserts[-1] == 100


async def test_a_single_row_that_is_too_large_is_a_doubt_that_ends_the_writer() -> None:
    ledger = PickyLedger(set(), most=0)
    writing = Inserter(PARTITION, cast(Ledger, ledger), lambda _: None, Patience(0.05, 0), DeadRatio(1, STORED))
    await writing.open(0)
    with pytest.raises(Doubtful, match="memory"):
        await writing.store(built(4))


async def test_a_row_that_is_refused_even_when_it_is_empty_ends_the_writer() -> None:
    with pytest.raises(Refused, match="not even an empty row can be stored: no"):
        await store(PickyLedger({1}, dead_too=True), built(3))


async def test_a_release_that_can_store_nothing_stops_instead_of_burying_everything() -> None:
    ledger = PickyLedger(set(range(3000)), sent=False)
    with pytest.raises(TooManyDead, match="100 of the last 100 records can't be stored") as stopped:
        await store(ledger, built(3000), ratio=0.5)
    assert "a constraint or a column" in str(stopped.value)
    assert len(ledger.letters) == 99
