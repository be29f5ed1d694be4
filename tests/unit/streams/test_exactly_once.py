"""Every offset is one row, whatever goes wrong; and every rule that this rests on is needed."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import structlog
from clickhouse_connect.driver.asyncclient import AsyncClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from streams.inserter import Inserter
from tests.unit.streams.exactly_once import TIMEOUT, ExactlyOnce
from tests.unit.streams.model_clickhouse import ModelClickHouse
from warehouse.columns import Columns
from warehouse.ledger import Ledger, Partition, Position
from warehouse.sql import load

STEPS = 40


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


def test_every_offset_is_one_row_whatever_goes_wrong() -> None:
    thorough = settings(max_examples=120, stateful_step_count=STEPS, deadline=None, database=None)
    run_state_machine_as_test(ExactlyOnce, settings=thorough)


class WithoutFence(Ledger):
    """All writers have the same nonce."""

    async def _fence(self, partition: Partition) -> None:
        await self._client.command(load("fence"), parameters={**partition.parameters, "nonce": 1})
        self._nonces[partition] = 1


class WithoutSettling(Ledger):
    """What passed the gate before the fence may still come."""

    async def _settle(self, partition: Partition) -> None:
        pass


class ReadsFirst(Ledger):
    """What is stored is looked up before others are shut out."""

    async def take_over(self, partition: Partition, beginning: int) -> Position:
        found = await self.position(partition, beginning)
        await super().take_over(partition, beginning)
        return found


class SettlesFirst(Ledger):
    """Between settling and the fence another insert may pass the gate."""

    async def take_over(self, partition: Partition, beginning: int) -> Position:
        async with self._bounded():
            await self._settle(partition)
            await self._fence(partition)
            return await self._read(partition, beginning)


class SeesNoHoles(Ledger):
    """Reads on after the last row, whatever is missing before it."""

    async def _read(self, partition: Partition, beginning: int) -> Position:
        found = await self._client.query(load("position"), parameters=partition.parameters)
        count, _first, last, batch_time = found.result_rows[0]
        return Position(last + 1, batch_time) if count else Position(None)


class ForgetsWhatLiesBehindAHole(Ledger):
    """Reads on at the first hole, and writes again what stands behind it."""

    async def _read(self, partition: Partition, beginning: int) -> Position:
        found = await super()._read(partition, beginning)
        return Position(found.next, found.batch_time)


class DoesNotWait(Ledger):
    """Takes an insert for stored once it is sent."""

    async def insert(self, partition: Partition, first: int, columns: Columns) -> None:
        self._sending = asyncio.create_task(super().insert(partition, first, columns))
        self._sending.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.sleep(0)


class Trusting(Ledger):
    """Reads on where Kafka's committed offset is."""

    def __init__(self, client: AsyncClient, committed: int) -> None:
        super().__init__(client, timeout=TIMEOUT)
        self._committed = committed

    async def _read(self, partition: Partition, beginning: int) -> Position:
        return Position(max(self._committed, beginning))


class TrustsKafka(ExactlyOnce):
    def make_ledger(self, client: AsyncClient) -> Ledger:
        return Trusting(client, self.committed)


class Counting(Ledger):
    """Its nonces are higher and higher."""

    nonces = count(1)

    async def _fence(self, partition: Partition) -> None:
        self._nonces[partition] = next(self.nonces)
        parameters = {**partition.parameters, "nonce": self._nonces[partition]}
        await self._client.command(load("fence"), parameters=parameters)


class LowerNoncesPass(ExactlyOnce):
    """The table's constraint takes any nonce up to the last one."""

    def make_ledger(self, client: AsyncClient) -> Ledger:
        return Counting(client, timeout=TIMEOUT)

    def make_clickhouse(self) -> ModelClickHouse:
        return ModelClickHouse(lambda fence, last: fence <= last)


def with_ledger(kind: type[Ledger], world: type[ExactlyOnce] = ExactlyOnce) -> type[ExactlyOnce]:
    """A world with another ledger."""

    def make_ledger(_self: ExactlyOnce, client: AsyncClient) -> Ledger:
        return kind(client, timeout=TIMEOUT)

    return type(kind.__name__, (world,), {"make_ledger": make_ledger})


def without(world: type[ExactlyOnce], *rules: str) -> type[ExactlyOnce]:
    """A world in which some things do not happen by themselves, so that the others do more often."""
    return type(world.__name__, (world,), {name: only_called(getattr(world, name)) for name in rules})


def only_called(rule: Callable[..., None]) -> Callable[..., None]:
    """A rule that is one no more."""

    def call(world: ExactlyOnce, *arguments: Any, **options: Any) -> None:
        rule(world, *arguments, **options)

    return call


async def nothing(*_: Any) -> None:
    pass


async def asks_nobody(self: Inserter) -> None:
    """After a doubt the insert is tried again as it is."""
    self._in_doubt = False


LOSSES = ("clickhouse_dies", "make_backup", "restore_backup", "let_go_of_old_records", "recover", "set_committed")
RACES = ("leave_hanging", "overtake", "answer", "stay_unheard", "insert_goes_on", "insert_vanishes")
OTHERS = ("make_topic_again", "drain", "crash", "wait", "append")

BROKEN = settings(
    max_examples=2000,
    stateful_step_count=12,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # it is to be found, not to be explained
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    report_multiple_bugs=False,
)


def find_a_way(world: type[ExactlyOnce]) -> None:
    """Pass if something is counted twice, or never, or said to be stored when it was not."""
    with pytest.raises(AssertionError, match=r"doubled|never counted|marked done|does not stay"):
        run_state_machine_as_test(world, settings=BROKEN)


@pytest.mark.parametrize("kind", [WithoutFence, WithoutSettling, ReadsFirst, SettlesFirst, DoesNotWait])
def test_the_fence_comes_first_then_settling_then_reading(kind: type[Ledger]) -> None:
    find_a_way(without(with_ledger(kind), *LOSSES, *OTHERS))


def test_a_nonce_has_to_be_the_last_one_and_not_a_lower_one() -> None:
    find_a_way(without(LowerNoncesPass, *LOSSES, *OTHERS))


def test_after_a_doubt_the_ledger_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inserter, "_reopen", asks_nobody)
    find_a_way(without(ExactlyOnce, *LOSSES, *OTHERS))


@pytest.mark.parametrize("world", [with_ledger(SeesNoHoles), with_ledger(ForgetsWhatLiesBehindAHole), TrustsKafka])
def test_the_ledger_says_what_is_missing_and_kafka_does_not(world: type[ExactlyOnce]) -> None:
    find_a_way(without(world, *RACES, *OTHERS))


@pytest.mark.parametrize(("method", "instead"), [("look_back", nothing), ("_check", lambda *_: None)])
def test_rows_that_go_are_missed(method: str, instead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inserter, method, instead)
    find_a_way(without(ExactlyOnce, *RACES, *OTHERS))


def test_a_hole_that_the_log_let_go_of_stops_nobody() -> None:
    """Found by the rules above: the worker missed the same rows again at the next look back, for ever."""
    world = ExactlyOnce()
    world.begin(1)
    world.recover()
    world.let_go_of_old_records(0)
    world.clickhouse_dies({0})
    world.teardown()
    assert sorted(row.offset for row in world.clickhouse.rows) == [0, 2]
