"""The counting of a partition against a model of the ledger: whatever goes wrong, every offset becomes one row."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from streams.batch import Batch, Records
from streams.inserter import Gap, Rows
from streams.maker import Stored
from streams.partition import Limits, PartitionCounter
from streams.windows.hold import RECORD_BYTES, HoldLimit, Stretch
from warehouse.failures import Doubtful, Fenced, Refused
from warehouse.ledger import Ledger, Partition, Position

PARTITION = Partition(UUID(int=1), 0)
MOST = 10 * (RECORD_BYTES + 10)
LIMITS = Limits(rows=4, linger=0.0, max_bytes=MOST, hold=HoldLimit(0, 100), patience=60, pause=0)


@dataclasses.dataclass
class LogRecord:
    offset: int
    timestamp: int = 1_000
    key: bytes | None = None
    value: bytes | None = b"x" * 10
    headers: Sequence[tuple[str, bytes]] = ()


class ModelLedger:
    """What DESIGN says of ClickHouse: a fence that refuses, inserts that may be lost, half done or done unheard."""

    def __init__(self, faults: Sequence[str] = ()) -> None:
        self.rows: Counter[int] = Counter()
        self.faults = list(faults)
        self.take_overs = 0

    async def take_over(self, partition: Partition, beginning: int) -> Position:
        self.take_overs += 1
        return await self.position(partition, beginning)

    async def position(self, _: Partition, beginning: int) -> Position:
        offsets = sorted(self.rows)
        runs: list[range] = []
        for offset in offsets:
            if runs and runs[-1].stop == offset:
                runs[-1] = range(runs[-1].start, offset + 1)
            else:
                runs.append(range(offset, offset + 1))
        if runs and runs[0].start > beginning:
            runs.insert(0, range(beginning, beginning))
        return Position(runs[0].stop, 1, tuple(runs[1:])) if runs else Position(None)

    async def insert(self, _: Partition, first: int, columns: Mapping[str, Sequence[Any]]) -> None:
        offsets = columns["kafka_offset"]
        assert offsets[0] == first
        assert list(offsets) == sorted(offsets)
        for _turn in range(10):  # long enough for the next batch to be built
            await asyncio.sleep(0)
        fault = self.faults.pop(0) if self.faults else "none"
        if fault == "fenced":
            raise Fenced(fault)
        if fault == "refused":
            raise Refused(fault)
        taken = {"none": len(offsets), "unheard": len(offsets), "lost": 0, "half": len(offsets) // 2}[fault]
        self.rows.update(offsets[:taken])
        if fault != "none":
            raise Doubtful(fault)


class Plain:
    """Work that finds nothing; it is told what to look at once, in order, and before it is asked for the rows."""

    def __init__(self) -> None:
        self.looked: list[int] = []

    async def restore(self, _: Position, __: int) -> int:
        return 0

    async def look(self, records: Records, stretch: Stretch, _: Stored) -> None:
        offsets = records.offsets.tolist()
        assert stretch.offsets.tolist() == offsets
        self.looked += offsets

    def rows(self, records: Records, batch_time: int) -> Rows:
        offsets = records.offsets.tolist()
        assert self.looked[: len(offsets)] == offsets
        del self.looked[: len(offsets)]
        return {"kafka_offset": offsets, "batch_time": [batch_time] * len(records)}


def batch(first: int, end: int) -> Batch:
    return Batch("clicks.raw", 0, [LogRecord(offset) for offset in range(first, end)])


def counter(ledger: ModelLedger, done: list[int]) -> PartitionCounter:
    return counter_with(LIMITS, ledger, done)


def counter_with(limits: Limits, ledger: ModelLedger, done: list[int]) -> PartitionCounter:
    return PartitionCounter(
        PARTITION, cast(Ledger, ledger), Plain(), done=done.append, log_end=lambda _: None, limits=limits
    )


async def count(ledger: ModelLedger, batches: Sequence[Batch], beginning: int = 0) -> list[int]:
    """Open, take the batches in, count to the end; returns what was said to be done."""
    done: list[int] = []
    counting = counter(ledger, done)
    start = await counting.open(beginning)
    running = asyncio.create_task(counting.run())
    for taken in batches:
        if taken.next > start:
            counting.put(taken)
    end = max((taken.next for taken in batches), default=start)
    try:
        async with asyncio.timeout(10):
            while not ledger.rows.keys() >= set(range(start, end)) and not running.done():
                await asyncio.sleep(0)
        if running.done():
            running.result()
        else:
            await counting.settle()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return done


async def test_every_offset_becomes_one_row_in_order() -> None:
    ledger = ModelLedger()
    done = await count(ledger, [batch(0, 5), batch(5, 12)])
    assert ledger.rows == Counter(range(12))
    assert done == sorted(done)
    assert done[-1] == 12


@settings(max_examples=150, deadline=None)
@given(
    faults=st.lists(st.sampled_from(["none", "lost", "half", "unheard"]), max_size=12),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    again=st.integers(0, 5),
)
def test_doubts_neither_lose_nor_double(faults: list[str], sizes: list[int], again: int) -> None:
    ledger = ModelLedger(faults)
    batches, next_offset = [], 0
    for size in sizes:
        batches.append(batch(max(0, next_offset - again), next_offset + size))  # the log hands some out again
        next_offset += size
    asyncio.run(count(ledger, batches))
    assert ledger.rows == Counter(range(next_offset))


@settings(max_examples=100, deadline=None)
@given(stored=st.sets(st.integers(0, 20)), end=st.integers(1, 25))
def test_holes_are_filled_and_what_stands_is_left_alone(stored: set[int], end: int) -> None:
    ledger = ModelLedger()
    ledger.rows.update(stored)
    asyncio.run(count(ledger, [batch(0, end)]))
    assert set(ledger.rows.values()) <= {1}
    assert set(range(end)) <= set(ledger.rows)


async def test_an_insert_that_stays_in_doubt_ends_the_counter() -> None:
    ledger = ModelLedger(["lost"] * 1000)
    done: list[int] = []
    impatient = dataclasses.replace(LIMITS, patience=0.05)
    counting = counter_with(impatient, ledger, done)
    await counting.open(0)
    running = asyncio.create_task(counting.run())
    counting.put(batch(0, 3))
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(running, 5)
    assert caught.group_contains(Doubtful)
    assert not done


async def test_a_refusal_is_answered_by_fencing_again_once() -> None:
    ledger = ModelLedger(["fenced", "none"])
    await count(ledger, [batch(0, 3)])
    assert ledger.rows == Counter(range(3))
    assert ledger.take_overs == 2


async def test_a_second_refusal_in_a_row_ends_the_counter() -> None:
    ledger = ModelLedger(["fenced", "fenced"])
    with pytest.raises(ExceptionGroup) as caught:
        await count(ledger, [batch(0, 3)])
    assert caught.group_contains(Fenced)
    assert not ledger.rows


async def test_an_error_that_stays_ends_the_counter() -> None:
    ledger = ModelLedger(["refused"])
    with pytest.raises(ExceptionGroup) as caught:
        await count(ledger, [batch(0, 3)])
    assert caught.group_contains(Refused)


async def test_rows_that_are_gone_end_the_counter_so_that_they_are_read_again() -> None:
    ledger = ModelLedger(["none", "lost"])
    done: list[int] = []
    counting = counter(ledger, done)
    await counting.open(0)
    running = asyncio.create_task(counting.run())
    counting.put(batch(0, 4))
    while not done:
        await asyncio.sleep(0)
    ledger.rows.clear()  # ClickHouse came back without its last parts
    counting.put(batch(4, 6))
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(running, 5)
    assert caught.group_contains(Gap)


async def test_what_another_owner_stored_meanwhile_is_not_stored_again() -> None:
    ledger = ModelLedger(["fenced"])
    done: list[int] = []
    counting = counter(ledger, done)
    await counting.open(0)
    running = asyncio.create_task(counting.run())
    counting.put(batch(0, 4))
    counting.put(batch(4, 8))  # built while the first insert is refused
    ledger.rows.update(range(20))  # the other owner was here while this one slept
    while not done or done[-1] < 8:
        await asyncio.sleep(0)
    await counting.settle()
    running.cancel()
    assert ledger.rows == Counter(range(20))
    assert done == [20, 20]  # the second batch, too, was built before anybody knew


async def test_rows_that_go_without_traffic_are_missed_too() -> None:
    ledger = ModelLedger()
    done: list[int] = []
    often = dataclasses.replace(LIMITS, look_back=0.01)
    counting = counter_with(often, ledger, done)
    await counting.open(0)
    running = asyncio.create_task(counting.run())
    counting.put(batch(0, 4))
    while not done:
        await asyncio.sleep(0)
    del ledger.rows[0]
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(running, 5)
    assert caught.group_contains(Gap)


async def test_a_log_that_begins_anew_is_no_repetition() -> None:
    counting = counter(ModelLedger(), [])
    await counting.open(0)
    counting.put(batch(0, 10))
    with pytest.raises(Gap, match="expected offset 10, the log gave 0 to 4"):
        counting.put(batch(0, 5))


async def test_a_gap_in_the_log_is_no_silent_loss() -> None:
    counting = counter(ModelLedger(), [])
    await counting.open(0)
    counting.put(batch(0, 2))
    with pytest.raises(Gap, match="expected offset 2, the log gave 3 to 3"):
        counting.put(batch(3, 4))


async def test_it_is_full_when_as_many_bytes_are_held_as_may_until_they_are_stored() -> None:
    done: list[int] = []
    counting = counter(ModelLedger(["lost"] * 3), done)
    await counting.open(0)
    before = held_in_all()
    counting.put(batch(0, 9))
    assert not is_full(counting)
    counting.put(batch(9, 10))
    assert is_full(counting)
    assert held_in_all() - before == 10 * (RECORD_BYTES + 10)
    running = asyncio.create_task(counting.run())
    while not done:
        assert is_full(counting)  # what is built or in flight is held too
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not is_full(counting)
    await counting.settle()
    running.cancel()
    counting.forget()
    assert held_in_all() == before


def is_full(counting: PartitionCounter) -> bool:
    return counting.full


def held_in_all() -> float:
    return REGISTRY.get_sample_value("weir_worker_held_bytes") or 0.0


def test_partitions_share_what_a_process_may_hold() -> None:
    assert [LIMITS.shared(partitions).max_bytes for partitions in (0, 1, 3, 1000)] == [MOST, MOST, MOST // 3, 200]


async def test_a_log_that_begins_later_than_the_ledger_ends_is_read_from_its_beginning() -> None:
    ledger = ModelLedger()
    ledger.rows.update(range(3))
    done = await count(ledger, [batch(7, 9)], beginning=7)
    assert set(ledger.rows) == {0, 1, 2, 7, 8}
    assert done[-1] == 9
