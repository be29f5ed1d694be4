"""The cache: one question a second, however many ask, and never an answer that is older."""

import asyncio

import pytest

from api.query.flights import Flights


class Source:
    """Counts how often it is asked; each answer is when it was asked, and comes when it is let go."""

    def __init__(self) -> None:
        self.now, self.asked = 0.0, 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def ask(self) -> float:
        self.asked += 1
        asked_at = self.now
        await self.gate.wait()
        return asked_at


@pytest.fixture
def source() -> Source:
    return Source()


async def test_a_stampede_asks_once(source: Source) -> None:
    flights: Flights[float] = Flights(1.0, lambda: source.now)
    source.gate.clear()
    waiting = [asyncio.create_task(flights.get("a", source.ask)) for _ in range(100)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(*waiting) == [0.0] * 100
    assert source.asked == 1
    assert await flights.get("b", source.ask) == 0.0
    assert source.asked == 2


@pytest.mark.parametrize("slow", [False, True])
async def test_no_answer_is_staler_than_a_second(source: Source, slow: bool) -> None:
    flights: Flights[float] = Flights(1.0, lambda: source.now)
    if slow:
        source.gate.clear()
    waiting = []
    for tenth in range(50):
        source.now = tenth / 10
        task = asyncio.create_task(flights.get("a", source.ask))
        waiting.append((source.now, task))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    source.gate.set()
    for asked_at, task in waiting:
        assert asked_at - 1.0 < await task <= asked_at
    assert source.asked == 5


async def test_an_error_is_told_to_all_who_wait_and_not_kept(source: Source) -> None:
    flights: Flights[float] = Flights(1.0, lambda: source.now)

    async def fail() -> float:
        await asyncio.sleep(0)
        raise OSError("away")

    answers = await asyncio.gather(*(flights.get("a", fail) for _ in range(3)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["away"] * 3
    assert await flights.get("a", source.ask) == 0.0


async def test_who_stops_waiting_does_not_stop_it_for_others(source: Source) -> None:
    flights: Flights[float] = Flights(1.0, lambda: source.now)
    source.gate.clear()
    first, second = (asyncio.create_task(flights.get("a", source.ask)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    source.gate.set()
    assert await second == 0.0


async def test_nothing_is_kept_for_longer_than_it_may_be_given(source: Source) -> None:
    flights: Flights[float] = Flights(0.02, lambda: source.now)
    await flights.get("a", source.ask)
    assert len(flights) == 1
    await asyncio.sleep(0.1)
    assert not len(flights)
