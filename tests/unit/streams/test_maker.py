"""The maker: when rows are made, and of what."""

import asyncio
import time

import pytest

from streams.batch import Records
from streams.maker import Maker
from streams.patience import Patience
from streams.windows.hold import RECORD_BYTES, HoldLimit, Stretch
from tests.unit.streams.test_partition import LogRecord, Plain
from warehouse.failures import Doubtful
from warehouse.ledger import Position

HOLD = HoldLimit(0.3, 20 * RECORD_BYTES)


def records(first: int, *stamps: int) -> list[LogRecord]:
    return [LogRecord(first + place, stamp, value=b"") for place, stamp in enumerate(stamps)]


async def stored() -> None:
    """All is."""


def maker(work: Plain, *, linger: float = 0.0, rows: int = 100, limit: HoldLimit = HOLD) -> Maker:
    return Maker(work, limit, Patience(5, 0), rows=rows, linger=linger)


def ended() -> float:
    """Kafka says just now that nothing follows."""
    return time.monotonic()


async def test_only_what_is_closed_is_made_and_all_that_it_needs_is_looked_at() -> None:
    work = Plain()
    making = maker(work)
    making.put(records(0, 0, 100, 200, 390, 450, 1000, 1001))
    built, _ = await making.make(lambda: None, stored)
    assert built.records.offsets.tolist() == [0, 1, 2, 3, 4]
    assert work.looked == [], "what came much later is not looked at before it has to be"
    making.put(records(7, 1299, 1300))
    built, _ = await making.make(lambda: None, stored)
    assert built.records.offsets.tolist() == [5]
    assert work.looked == [6, 7]


async def test_where_nothing_follows_rows_are_made_after_the_hold() -> None:
    making = maker(Plain())
    began = time.monotonic()
    making.put(records(0, 0))
    built, _ = await making.make(ended, stored)
    assert HOLD.seconds <= time.monotonic() - began < HOLD.seconds + 2
    assert len(built.records) == 1


async def test_while_kafka_says_nothing_what_is_open_stays_open() -> None:
    making = maker(Plain())
    making.put(records(0, 0))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(making.make(lambda: None, stored), HOLD.seconds + 0.5)
    said = time.monotonic() - 10  # an answer from before the hold has passed says nothing about what came since
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(making.make(lambda: said, stored), 0.5)
    assert len((await making.make(ended, stored))[0].records) == 1


async def test_a_record_that_comes_meanwhile_closes_those_before_it() -> None:
    making = maker(Plain())
    making.put(records(0, 0))
    waiting = asyncio.create_task(making.make(lambda: None, stored))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    making.put(records(1, 300))
    assert (await asyncio.wait_for(waiting, 5))[0].records.offsets.tolist() == [0]


async def test_enough_or_full_ends_the_linger() -> None:
    for count, full in ((40, False), (25, True)):
        making = maker(Plain(), linger=60, rows=10 if not full else 1000)
        making.put(records(0, *[0] * count))
        if full:
            making.hurry()
        async with asyncio.timeout(5):
            built, _ = await making.make(lambda: None, stored)
        assert len(built.records) == (10 if not full else 6)


async def test_a_batch_lingers_from_the_time_at_which_its_first_record_was_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("streams.maker.monotonic", lambda: now)
    making = maker(Plain(), linger=60, limit=HoldLimit(0))
    making.put(records(0, 0))
    now += 61  # while the batch before it was made
    making.put(records(1, 0))
    async with asyncio.timeout(5):
        built, _ = await making.make(lambda: None, stored)
    assert len(built.records) == 2


async def test_batch_times_never_run_backwards() -> None:
    making = maker(Plain(), limit=HoldLimit(0))
    await making.restore(Position(5, batch_time=7), 5)
    times = []
    for offset, stamp in ((5, 3000), (6, 9000), (7, 4000)):
        making.put(records(offset, stamp))
        times.append((await making.make(lambda: None, stored))[0].rows["batch_time"][0])
    assert times == [7, 9, 9]


async def test_a_look_that_is_in_doubt_is_tried_again_with_the_same_records() -> None:
    class Doubting(Plain):
        doubts = 2

        async def look(self, records: Records, stretch: Stretch, stored: object) -> None:
            if self.doubts:
                self.doubts -= 1
                raise Doubtful("a look-up got no answer")
            await super().look(records, stretch, stored)  # type: ignore[arg-type]  # it is not asked

    making = maker(Doubting(), limit=HoldLimit(0))
    making.put(records(0, 0, 1))
    assert len((await making.make(lambda: None, stored))[0].records) == 2


async def test_what_is_put_in_takes_as_much_memory_as_what_is_made() -> None:
    making = maker(Plain(), limit=HoldLimit(0), rows=2)
    taken = making.put(records(0, 0, 1, 2))
    assert taken == 3 * RECORD_BYTES
    assert [(await making.make(lambda: None, stored))[1] for _ in range(2)] == [2 * RECORD_BYTES, RECORD_BYTES]
