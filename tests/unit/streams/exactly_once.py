"""A world in which everything may go wrong that DESIGN speaks of, and the rules that hold in it all the same.

Real `PartitionCounter`s above real `Ledger`s count one partition; hypothesis decides what happens next: which call
ClickHouse carries out, answers or loses, when a process dies, who is given the partition while another still believes
that it owns it, what ClickHouse forgets. In the end nothing goes wrong any more, and every offset has to be one row.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import cast
from uuid import UUID

from clickhouse_connect.driver.asyncclient import AsyncClient
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streams.batch import Batch, Record, Records
from streams.inserter import Gap, Rows
from streams.partition import Limits, PartitionCounter
from streams.windows.hold import HoldLimit
from tests.unit.streams.model_clickhouse import Call, Insert, ModelClickHouse, ModelClient, Row, Stage
from tests.unit.streams.test_partition import Plain
from warehouse.failures import Doubtful, Fenced
from warehouse.ledger import Ledger, Partition

LOOK_BACK = 15.0
TIMEOUT = 30.0
LIMITS = Limits(rows=3, linger=0.0, max_bytes=1 << 20, hold=HoldLimit(0), patience=60, look_back=LOOK_BACK, pause=0)
EXPECTED = (Gap, Fenced, Doubtful)
"""What a process may die of by itself."""
PATIENCE = 40
"""Turns after which everything has to be counted: one look back and one new start take one each."""
QUIET = 3
"""Turns without a new start after which none is expected any more."""
SLOTS = st.sampled_from((0, 1))
PICK = st.integers(0, 5)


class Placed(Plain):
    """Work that finds nothing, of a certain partition: its rows say which."""

    def __init__(self, partition: Partition) -> None:
        super().__init__()
        self._partition = partition

    def rows(self, records: Records, batch_time: int) -> Rows:
        topic_id, number = [self._partition.topic_id], [self._partition.number]
        placed: Rows = {"topic_id": topic_id * len(records), "kafka_partition": number * len(records)}
        return {**placed, **super().rows(records, batch_time)}


def batch(first: int, end: int) -> Batch:
    records = [
        SimpleNamespace(offset=n, timestamp=1000 * n, key=None, value=b"x", headers=()) for n in range(first, end)
    ]
    return Batch("clicks.raw", 0, cast(Sequence[Record], records))


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time passes when the test says so."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def run_all(self) -> None:
        """Let every task go on until all of them wait for something."""
        self.run_until_complete(self._idle())

    async def _idle(self) -> None:
        while True:
            await asyncio.sleep(0)
            if not self._ready:  # type: ignore[attr-defined]  # of asyncio's own loop
                return


class Process:
    """A worker that owns the partition, or believes so."""

    def __init__(
        self, loop: Loop, ledger: Ledger, partition: Partition, beginning: int, done: Callable[[int], None]
    ) -> None:
        self.partition, self.ledger = partition, ledger
        self.reads: int | None = None
        """Where it reads on; None while it takes the partition over."""
        self._loop = loop
        self._counter = PartitionCounter(
            partition, ledger, Placed(partition), done=done, log_end=lambda _: None, limits=LIMITS
        )
        self._life = loop.create_task(self._live(beginning))
        self._draining: asyncio.Task[None] | None = None

    async def _live(self, beginning: int) -> None:
        self.reads = await self._counter.open(beginning)
        await self._counter.run()

    @property
    def alive(self) -> bool:
        return not self._life.done()

    @property
    def drains(self) -> bool:
        return self._draining is not None

    def feed(self, taken: Batch) -> None:
        """Hand records over; it dies where they are not what it expects."""
        try:
            self._counter.put(taken)
            self.reads = max(self.reads or 0, taken.next)
        except Gap:
            self.crash()

    def drain(self) -> None:
        """A rebalance: finish what is in flight."""
        self._draining = self._draining or self._loop.create_task(self._counter.settle())

    def crash(self) -> None:
        """It is gone, wherever it was."""
        for task in filter(None, (self._life, self._draining)):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(self._life, return_exceptions=True))

    def cause(self) -> list[BaseException]:
        """What it died of by itself."""
        if not self._life.done() or self._life.cancelled() or not (error := self._life.exception()):
            return []
        return list(_leaves(error))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


class ExactlyOnce(RuleBasedStateMachine):
    """One partition, two places for processes, one ClickHouse."""

    first_topic = 1

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.clickhouse = self.make_clickhouse()
        self.asked: list[tuple[int, Call]] = []
        self.topic = 0
        self.beginning = self.end = 0
        self.committed = 0
        self.owner = 0
        self.processes: dict[int, Process] = {}
        self.backup: list[Sequence[Row]] = []

    def make_clickhouse(self) -> ModelClickHouse:
        """What stands for ClickHouse."""
        return ModelClickHouse()

    def make_ledger(self, client: AsyncClient) -> Ledger:
        """What a process writes with."""
        return Ledger(client, timeout=TIMEOUT)

    def teardown(self) -> None:
        """Nothing goes wrong any more."""
        try:
            self.recover()
        finally:
            for process in self.processes.values():
                process.crash()
            self.loop.close()

    # The log

    @initialize(records=st.integers(1, 12))
    def begin(self, records: int) -> None:
        """There are records, and somebody to read them."""
        self.end = records
        self.assign(0)

    @rule(records=st.integers(1, 6))
    def append(self, records: int) -> None:
        self.end += records

    @rule(offset=st.integers(0, 30))
    def set_committed(self, offset: int) -> None:
        """By a commit, or by somebody's hand."""
        self.committed = offset

    @precondition(lambda self: self.end > 3)
    @rule(records=st.integers(0, 5))
    def make_topic_again(self, records: int) -> None:
        """A new id, offsets from 0; processes that read the old one are handed out anew."""
        self.topic += 1
        self.beginning, self.end, self.committed = 0, records, 0

    @rule(kept=st.integers(0, 6))
    def let_go_of_old_records(self, kept: int) -> None:
        """Kafka's retention, of what is stored by now."""
        stored = {row.offset for row in self.clickhouse.rows if row.ledger == self.partition.comment}
        while self.beginning in stored and self.beginning < self.end - kept:
            self.beginning += 1

    # Processes

    @property
    def partition(self) -> Partition:
        return Partition(UUID(int=self.first_topic + self.topic), 0)

    @rule(slot=SLOTS)
    def assign(self, slot: int) -> None:
        """Hand the partition to the process in a place; one in the other place may go on for a while: a zombie."""
        if slot in self.processes:
            self.processes[slot].crash()
        partition = self.partition
        ledger = self.make_ledger(cast(AsyncClient, ModelClient(partial(self.take, slot))))
        self.processes[slot] = Process(
            self.loop, ledger, partition, self.beginning, lambda offset: self.marked_done(partition, offset)
        )
        self.owner = slot
        self.loop.run_all()

    @rule(slot=SLOTS)
    def crash(self, slot: int) -> None:
        """kill -9, at whatever the process waits for."""
        if slot in self.processes:
            self.processes[slot].crash()
            self.loop.run_all()

    @rule(slot=SLOTS)
    def drain(self, slot: int) -> None:
        if slot in self.processes:
            self.processes[slot].drain()
            self.loop.run_all()

    @rule(slot=SLOTS, records=st.integers(1, 7), again=st.sampled_from((0, 0, 1, 4)))
    def read(self, slot: int, records: int, again: int) -> None:
        """Kafka hands records over, some of them a second time."""
        process = self.processes.get(slot)
        if process is None or not process.alive or process.reads is None:
            return
        if process.partition != self.partition:
            process.crash()  # the topic is another one: the partition is handed out anew
            return
        first, end = (
            max(self.beginning, process.reads - again),
            min(max(self.beginning, process.reads) + records, self.end),
        )
        if end > max(first, process.reads):
            process.feed(batch(first, end))
            self.loop.run_all()

    def take(self, slot: int, call: Call) -> None:
        """A process asks ClickHouse for something."""
        self.asked.append((slot, call))
        self.clickhouse.send(call)

    def marked_done(self, partition: Partition, offset: int) -> None:
        """What is done may be committed: it must have stood."""
        stood = {row.offset for row in self.clickhouse.rows if row.ledger == partition.comment}
        stood |= {offset for ledger, offset in self.clickhouse.lost if ledger == partition.comment}
        first = self.beginning if partition == self.partition else offset
        assert stood >= set(range(first, offset)), f"marked done to {offset}, but stored were {sorted(stood)}"

    # ClickHouse and the way to it

    @rule(slot=SLOTS, calls=st.integers(1, 4))
    def answer(self, slot: int, calls: int) -> None:
        """Some calls of a process go through."""
        for _ in range(calls):
            for call in self.waiting(slot)[:1]:
                self.reply(call)

    @rule(slot=SLOTS, records=st.integers(0, 8))
    def count(self, slot: int, records: int) -> None:
        """A process works as it should for a while."""
        self.end += records
        self.answer_all(slot)
        self.read(slot, records, 0)
        self.answer_all(slot)

    @rule(slot=SLOTS, records=st.integers(1, 5), stage=st.sampled_from(Stage), broken=st.booleans())
    def leave_hanging(self, slot: int, records: int, stage: Stage, broken: bool = False) -> None:
        """A process works as it should up to an insert that gets so far and no further, for now; or unheard of."""
        if slot not in self.processes or not self.processes[slot].alive:
            self.assign(slot)
        self.count(slot, 0)
        self.end += records
        self.read(slot, records, 0)
        while (waiting := self.waiting(slot)) and not any(call.is_insert for call in waiting):
            self.reply(waiting[0])
        for call in self.waiting(slot):
            if call.is_insert:
                while self.clickhouse.inserts[call].stage.value < stage.value:
                    self.clickhouse.advance(self.clickhouse.inserts[call])
                if broken:
                    call.answer.set_exception(ConnectionError("the connection broke"))
                    self.loop.run_all()

    @rule(slot=SLOTS, records=st.integers(1, 5), moments=st.lists(st.integers(0, 5), min_size=3, max_size=3))
    def overtake(self, slot: int, records: int, moments: list[int]) -> None:
        """The other process takes the partition over, call by call; an insert of this one goes on at some moments."""
        self.leave_hanging(slot, records, Stage.TRAVELS)
        inserts = [self.clickhouse.inserts[call] for call in self.waiting(slot) if call.is_insert]
        self.assign(1 - slot)
        for moment in range(6):
            for insert in inserts * moments.count(moment):
                self.clickhouse.advance(insert)
            self.no_offset_has_two_rows()
            self.answer(1 - slot, 1)
        self.count(1 - slot, 1)

    @rule(slot=SLOTS, carried_out=st.booleans(), broken=st.booleans())
    def stay_unheard(self, slot: int, carried_out: bool, broken: bool) -> None:
        """A call, carried out or under way, whose answer is late; or never comes, since the connection breaks."""
        for call in self.waiting(slot)[:1]:
            if carried_out:
                self.carry_out(call)
            if broken:
                call.answer.set_exception(ConnectionError("the connection broke"))
                self.loop.run_all()

    @precondition(lambda self: self.sent())
    @rule(pick=PICK, steps=st.integers(1, 3), rows=st.sampled_from((None, None, 1, 2)))
    def insert_goes_on(self, pick: int, steps: int, rows: int | None) -> None:
        """An insert arrives, is held against the fence, is committed, to its end or cut off; its client may be dead."""
        insert = self.sent()[pick % len(self.sent())]
        for _step in range(steps):
            self.clickhouse.advance(insert, rows)

    @precondition(lambda self: self.sent())
    @rule(pick=PICK)
    def insert_vanishes(self, pick: int) -> None:
        """An insert that nobody waits for any more never arrives."""
        waited_for = [self.clickhouse.inserts.get(call) for call in self.waiting()]
        orphans = [one for one in self.sent() if one not in waited_for]
        if orphans:
            self.clickhouse.end(orphans[pick % len(orphans)])

    @rule(seconds=st.sampled_from((1.0, LOOK_BACK + 1, TIMEOUT + 1)))
    def wait(self, seconds: float) -> None:
        """Time passes; what has not been answered for too long is given up."""
        self.loop.now += seconds
        self.loop.run_all()

    @rule(forgotten=st.sets(st.integers(0, 2)))
    def clickhouse_dies(self, forgotten: set[int]) -> None:
        """kill -9 of ClickHouse; some of the parts that were committed last were not on the disk."""
        self.break_connections()
        latest = list(reversed(self.clickhouse.parts))[:3]
        self.clickhouse.die()
        self.clickhouse.lose([part for place, part in enumerate(latest) if place in forgotten])
        self.loop.run_all()

    @rule()
    def make_backup(self) -> None:
        self.backup = list(self.clickhouse.parts)

    @rule()
    def restore_backup(self) -> None:
        self.break_connections()
        self.clickhouse.die()
        self.clickhouse.restore(self.backup)
        self.loop.run_all()

    # What is made of it

    def waiting(self, slot: int | None = None) -> list[Call]:
        """Calls that somebody still waits for, or a certain process does."""
        self.asked = [(asker, call) for asker, call in self.asked if not call.answer.done()]
        return [call for asker, call in self.asked if slot in (None, asker)]

    def sent(self) -> list[Insert]:
        """Inserts that are neither committed nor ended."""
        return self.clickhouse.under_way(Stage.TRAVELS, Stage.ARRIVED, Stage.CHECKED)

    def answer_all(self, slot: int | None = None) -> None:
        """All calls go through, and those that come of them."""
        while waiting := self.waiting(slot):
            for call in waiting:
                self.reply(call)

    def carry_out(self, call: Call) -> None:
        if not call.carried_out:
            call.carried_out = True
            try:
                call.result = self.clickhouse.carry_out(call)
            except Exception as error:  # noqa: BLE001  # it is the call's
                call.result = error

    def reply(self, call: Call) -> None:
        self.carry_out(call)
        if not call.answer.done():
            if isinstance(call.result, Exception):
                call.answer.set_exception(call.result)
            else:
                call.answer.set_result(call.result)
        self.loop.run_all()

    def break_connections(self) -> None:
        for call in self.waiting():
            call.answer.set_exception(ConnectionError("ClickHouse is gone"))

    @rule()
    def recover(self) -> None:
        """Nothing goes wrong any more: everything is counted soon, and from then on nobody has to start anew."""
        quiet = turns = 0
        while quiet < QUIET:
            stays, turns = self.turn(), turns + 1
            quiet = quiet + 1 if stays and not self.missing() else 0
            assert turns < PATIENCE, f"never counted: {self.missing()}, or the owner does not stay"
        self.end += 1
        for _ in range(QUIET):
            assert self.turn(), "the owner does not stay, though nothing is wrong"
        assert not self.missing(), f"never counted: {self.missing()}"

    def turn(self) -> bool:
        """All is answered and read, and looked back at; whether the owner had not to be started first."""
        self.answer_all()
        owner = self.processes[self.owner]
        stays = owner.alive and not owner.drains and owner.partition == self.partition
        if not stays:
            self.assign(self.owner)
        self.read(self.owner, 10, 0)
        self.answer_all()
        self.wait(LOOK_BACK + 1)
        return stays

    def missing(self) -> list[int]:
        """Offsets that the log still has, and that have no row."""
        stored = {row.offset for row in self.clickhouse.rows if row.ledger == self.partition.comment}
        return [offset for offset in range(self.beginning, self.end) if offset not in stored]

    @invariant()
    def no_offset_has_two_rows(self) -> None:
        counts = Counter((row.ledger, row.offset) for row in self.clickhouse.rows)
        doubled = [place for place, count in counts.items() if count > 1]
        assert not doubled, f"doubled: {doubled}"

    @invariant()
    def processes_die_of_what_they_should(self) -> None:
        for process in self.processes.values():
            assert all(isinstance(error, EXPECTED) for error in process.cause()), process.cause()
