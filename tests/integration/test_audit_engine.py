"""The audit on the real engine, without Kafka: what it says of a ledger that was damaged at random, against counting.

Blocks and chunks are made small, so that a few hundred rows have all the seams that a hundred million have.
"""

import dataclasses
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from clickhouse_connect.driver.client import Client

from deploy.commands.audit import AuditSettings, store
from ingest.sequence import new_src
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from warehouse.audit import mark, scan, sources, spans
from warehouse.audit.findings import Audit, Double, Gap, State
from warehouse.audit.run import Auditor, audit
from warehouse.client import connect
from warehouse.migrate import load as load_migrations
from warehouse.settings import WarehouseSettings
from warehouse.sql import load

START = datetime(2026, 11, 1, 20, tzinfo=UTC)
PARTITIONS = 3
HEARTBEAT = 10
"""Every so many events a source says how far it is acknowledged."""


@dataclasses.dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    src: int
    seq: int
    kind: str = "click"
    outcome: str = "human"
    mark: int = 0
    minutes: int = 0
    """Since `START`."""


@pytest.fixture(autouse=True)
def seams(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (spans, scan, sources):
        monkeypatch.setattr(module, "BLOCK", 16)
    monkeypatch.setattr(scan, "CHUNK_ROWS", 60)
    monkeypatch.setattr(scan, "CLOSE_BLOCKS", 3)


@pytest.fixture(scope="module")
def database(warehouse_server: EmbeddedServer) -> Iterator[WarehouseSettings]:
    """One database for all tests here: each has a topic of its own."""
    with database_of_its_own(warehouse_server) as settings:
        yield settings


@pytest.fixture
def client(database: WarehouseSettings) -> Iterator[Client]:
    with closing(connect(database)) as found:
        yield found


def insert(client: Client, topic: UUID, records: Iterable[Record]) -> None:
    """Through the fence, as a worker does; the day of the batch is the record's."""
    client.insert(
        "fences",
        [[str(topic), number, 7] for number in range(PARTITIONS)],
        column_names=["topic_id", "kafka_partition", "nonce"],
    )
    times = {record: START + timedelta(minutes=record.minutes) for record in records}
    rows = [
        [str(topic), one.partition, one.offset, at, at, 7, one.kind, one.outcome, one.src, one.seq, one.mark]
        for one, at in times.items()
    ]
    columns = ["topic_id", "kafka_partition", "kafka_offset", "append_time", "batch_time", "fence"]
    client.insert("events", rows, column_names=[*columns, "kind", "outcome", "src", "seq", "mark"])


class World:
    """Redirectors that write to partitions, in time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ends = Counter[int]()
        self.seqs = Counter[int]()
        self.minutes = 0
        self.srcs = [new_src() for _ in range(4)]

    def write(self, count: int) -> list[Record]:
        """So many events, each with the next number of its source and the next offset of its partition."""
        return [self._event(self.random.choice(self.srcs)) for _ in range(count)]

    def close(self) -> list[Record]:
        return [self.put(src, "close", "source", self.seqs[src] + 1) for src in self.srcs]

    def _event(self, src: int) -> Record:
        if self.seqs[src] % HEARTBEAT == HEARTBEAT - 1:
            return self.put(src, "heartbeat", "source", self.seqs[src])
        return self.put(src, "click", self.random.choice(("human", "bot", "suspect", "repeat", "dead")))

    def put(self, src: int, kind: str, outcome: str, said: int = 0, seq: int = 0) -> Record:
        self.minutes += self.random.choice((0, 1, 20))
        partition = self.random.randrange(PARTITIONS)
        self.seqs[src] += not seq
        record = Record(partition, self.ends[partition], src, seq or self.seqs[src], kind, outcome, said, self.minutes)
        self.ends[partition] += 1
        return record

    @property
    def watermarks(self) -> dict[int, tuple[int, int]]:
        return {number: (0, self.ends[number]) for number in range(PARTITIONS)}


def numbers(found: Iterable[Gap | Double]) -> set[int]:
    return {number for one in found for number in range(one.first, one.last + 1)}


def check(found: Audit, rows: list[Record], earlier: Iterable[Record] = ()) -> None:
    """Hold the audit against plain counting of the rows; `earlier` ones are of a topic that is no more."""
    offsets: Mapping[int, Counter[int]] = defaultdict(Counter)
    claims, counted, there = Counter[int](), Counter[tuple[int, int]](), {(row.src, row.seq) for row in earlier}
    for row in rows:
        offsets[row.partition][row.offset] += 1
        there.add((row.src, row.seq))
        counted[row.src, row.seq] += row.outcome not in {"dead", "source", "duplicate"}
        if row.kind in {"heartbeat", "close"}:
            claims[row.src] = max(claims[row.src], row.mark + (row.seq == row.mark + 1))
    for partition in found.partitions:
        of = offsets[partition.partition]
        expected = set(range(max(of, default=-1) + 1))
        assert numbers(partition.gaps) == expected - of.keys()
        assert {number: one.rows for one in partition.doubles for number in numbers([one])} == {
            offset: times for offset, times in of.items() if times > 1
        }
        assert (partition.rows, partition.missing) == (of.total(), len(expected - of.keys()))
        assert partition.doubled == of.total() - len(of)
        assert sum(partition.outcomes.values()) == of.total()
    assert sum(hour.rows for hour in found.hours) == len(rows)
    assert sum(hour.missing for hour in found.hours) == sum(partition.missing for partition in found.partitions)
    assert sum(hour.doubled for hour in found.hours) == sum(partition.doubled for partition in found.partitions)
    assert {source.src: source.mark for source in found.sources if source.mark} == +claims
    for source in found.sources:
        lost = {seq for seq in range(1, source.mark + 1) if (source.src, seq) not in there}
        assert numbers(source.gaps) == lost
        assert source.missing == len(lost)
    doubled = {(source.src, seq) for source in found.sources for seq in numbers(source.doubles)}
    assert doubled == {key for key, times in counted.items() if times > 1}


def damaged(world: World, rows: list[Record]) -> list[Record]:
    """Some rows gone, some twice, a stretch gone, and numbers that count again or whose copy is told as one."""
    chance = world.random
    begin = chance.randrange(len(rows))
    gone = set(chance.sample(range(len(rows)), 3)) | set(range(begin, begin + chance.choice((0, 20))))
    kept = [row for place, row in enumerate(rows) if place not in gone]
    again = [dataclasses.replace(row) for row in chance.sample(kept, 3)]
    clicks = [row for row in kept if row.kind == "click"]
    copies = [
        world.put(row.src, "click", chance.choice(("human", "duplicate")), seq=row.seq)
        for row in chance.sample(clicks, 4)
    ]
    return [*kept, *again, *copies]


def test_a_ledger_without_rows(client: Client) -> None:
    found = audit(client, uuid4(), {0: (0, 0), 1: (5, 9)})
    assert (found.adds_up, found.behind, found.sources) == (True, 4, [])


@pytest.mark.parametrize("seed", range(5))
def test_what_is_right_is_right_and_the_mark_leaves_only_the_rest_to_read(client: Client, seed: int) -> None:
    world, topic, rows, last = World(seed), uuid4(), list[Record](), None
    for _ in range(4):
        fresh = world.write(world.random.randrange(1, 150))
        held_back = [row for row in fresh if row.offset == world.ends[row.partition] - 1]
        insert(client, topic, [row for row in fresh if row not in held_back])
        rows += [row for row in fresh if row not in held_back]
        found = audit(client, topic, world.watermarks, mark=last)
        # What is not counted yet may be a number that a heartbeat has spoken of.
        check(found, rows)
        assert found.mark is not None
        mark.store(client, found.mark)
        last = mark.last(client, topic)
        assert last is not None
        assert (last.next, last.sources) == (found.mark.next, found.mark.sources)
        insert(client, topic, held_back)
        rows += held_back
    whole, tail = audit(client, topic, world.watermarks), audit(client, topic, world.watermarks, mark=last)
    check(tail, rows)
    assert whole.adds_up
    assert whole.sources == tail.sources
    assert whole.hours == tail.hours
    assert tail.read < whole.read == 2 * len(rows)


@pytest.mark.parametrize("seed", range(12))
def test_damage_is_found_and_named_with_a_mark_and_without(client: Client, seed: int) -> None:
    world, topic = World(seed), uuid4()
    before = world.write(world.random.randrange(0, 200))
    insert(client, topic, before)
    proven = audit(client, topic, world.watermarks).mark
    assert proven is not None
    after = damaged(world, [*world.write(world.random.randrange(40, 200)), *world.close()])
    for some in (after[: len(after) // 2], after[len(after) // 2 :]):
        insert(client, topic, [row for place, row in enumerate(some) if row not in some[:place]])
        insert(client, topic, [row for place, row in enumerate(some) if row in some[:place]])
    for found in (audit(client, topic, world.watermarks), audit(client, topic, world.watermarks, mark=proven)):
        check(found, [*before, *after])
        assert not found.adds_up
        assert found.mark is None


@pytest.mark.parametrize("what", ["gone", "gone at the end", "twice", "in another hour"])
def test_what_happens_below_the_mark_is_noticed(client: Client, what: str) -> None:
    world, topic = World(3), uuid4()
    rows = [*world.write(200), *world.close()]
    insert(client, topic, rows)
    proven = audit(client, topic, world.watermarks).mark
    victim = next(row for row in rows[50:] if row.partition == 1 and row.kind == "click" and row.outcome != "dead")
    if what == "gone at the end":
        victim = next(row for row in reversed(rows) if row.partition == 1)
    if what in {"twice", "in another hour"}:
        insert(client, topic, [victim])
        rows.append(victim)
        victim = rows[20]
    if what != "twice":
        client.command(
            f"ALTER TABLE events DELETE WHERE src = {victim.src} AND seq = {victim.seq}", settings={"mutations_sync": 1}
        )
        rows.remove(victim)
    found = audit(client, topic, world.watermarks, mark=proven)
    check(found, rows)
    assert found.adds_up == (what == "gone at the end")  # it is behind, then: the worker will read it again


def test_a_gap_below_the_mark_hides_behind_a_double_of_the_same_hour_until_everything_is_read(client: Client) -> None:
    topic, src = uuid4(), new_src()
    rows = [Record(0, number, src, number + 1) for number in range(100)]
    insert(client, topic, rows)
    proven = audit(client, topic, {0: (0, 100)}).mark
    client.command(f"ALTER TABLE events DELETE WHERE topic_id = '{topic}' AND seq = 31", settings={"mutations_sync": 1})
    insert(client, topic, [rows[50]])
    assert audit(client, topic, {0: (0, 100)}, mark=proven).adds_up
    check(audit(client, topic, {0: (0, 100)}), [row for row in rows if row.seq != 31] + [rows[50]])


def test_a_gap_is_named_with_its_hour_and_a_lost_number_too(client: Client) -> None:
    topic, src = uuid4(), new_src()
    rows = [Record(0, number, src, number + 1, minutes=5 * number) for number in range(100)]
    rows.append(Record(0, 100, src, 101, "close", "source", 101, 500))
    insert(client, topic, [row for row in rows if row.offset not in {30, 31}])
    found = audit(client, topic, {0: (0, 101)})
    hour = int(START.timestamp()) + 2 * 3600  # offset 29 came after 145 minutes
    assert found.partitions[0].gaps == [Gap(30, 31, hour)]
    assert found.sources[0].gaps == [Gap(31, 32, hour)]
    assert [one.missing for one in found.hours if one.hour == hour] == [2]


def test_a_source_that_wrote_to_a_topic_that_was_made_again_is_whole(client: Client) -> None:
    world, old, new = World(1), uuid4(), uuid4()
    earlier = world.write(150)
    insert(client, old, earlier)
    world.ends.clear()
    rows = [*world.write(60), *world.close()]
    insert(client, new, rows)
    found = audit(client, new, world.watermarks)
    check(found, rows, earlier)
    assert found.adds_up
    later = world.write(30)
    insert(client, new, later)
    again = audit(client, new, world.watermarks, mark=found.mark)
    check(again, rows + later, earlier)
    assert again.adds_up


def test_a_close_by_a_successor_that_is_sent_again_and_again_closes_once(client: Client) -> None:
    topic, src = uuid4(), new_src()
    rows = [Record(0, number, src, number + 1) for number in range(20)]
    rows += [Record(0, 20 + number, src, 15 + number, outcome="duplicate") for number in range(6)]
    insert(client, topic, rows)
    insert(client, topic, [Record(1, number, src, 21, "close", "source", 21) for number in range(3)])
    found = audit(client, topic, {0: (0, 26), 1: (0, 3)})
    assert found.adds_up
    [source] = found.sources
    assert (source.state, source.mark, source.last, source.missing) == (State.CLOSED, 21, 21, 0)


def test_a_process_that_died_after_its_first_word_is_open(client: Client) -> None:
    topic, src = uuid4(), new_src()
    said = [Record(0, 0, src, 1, "heartbeat", "source", 0), Record(0, 1, src, 2), Record(0, 2, src, 3)]
    insert(client, topic, said)
    found = audit(client, topic, {0: (0, 3)})
    [source] = found.silent
    assert (source.state, source.mark, source.last, source.heard) == (State.OPEN, 1, 3, int(START.timestamp()))
    again = audit(client, topic, {0: (0, 3)}, mark=found.mark)
    assert again.silent == found.silent


@pytest.mark.parametrize("lost", [(), (23, 24)])
def test_a_close_below_numbers_that_are_stored_says_that_a_spool_lost_its_end(
    client: Client, lost: tuple[int, ...]
) -> None:
    topic, src = uuid4(), new_src()
    first = [Record(0, seq - 1, src, seq) for seq in range(1, 21)]
    insert(client, topic, first)
    before = audit(client, topic, {0: (0, 20)}).mark
    rest = [Record(0, seq - 1, src, seq) for seq in range(21, 31) if seq not in lost]
    close = Record(1, 0, src, 21, "close", "source", 21)
    insert(client, topic, [*rest, close, *(Record(0, seq - 1, new_src(), 1, outcome="bot") for seq in lost)])
    for proven in (None, before):
        found = audit(client, topic, {0: (0, 30), 1: (0, 1)}, mark=proven)
        [source] = found.unproven
        assert (source.state, source.mark, source.last) == (State.TORN, 21, 30)
        assert numbers(source.gaps) == set(lost)
        assert found.adds_up == (not lost)


def test_a_mark_of_before_sources_were_timed_is_read(client: Client) -> None:
    topic, src = uuid4(), new_src()
    columns = ["topic_id", "taken_at", *(f"sources.{name}" for name in ("src", "complete", "ahead", "mark", "closed"))]
    client.command("ALTER TABLE audit_marks DROP COLUMN `sources.heard`")
    client.insert("audit_marks", [[str(topic), START, [src], [3], [[]], [2], [False]]], column_names=columns)
    [timed] = [migration for migration in load_migrations() if migration.name == "audit_heard"]
    for statement in timed.statements(str(client.database)):
        client.command(statement)
    found = mark.last(client, topic)
    assert found is not None
    assert found.sources == {src: mark.SourceMark(3, (), 2)}


def test_a_mark_of_another_topic_or_from_before_a_restored_backup_is_not_used(client: Client) -> None:
    world, topic = World(2), uuid4()
    rows = world.write(100)
    insert(client, topic, rows)
    proven = audit(client, topic, world.watermarks).mark
    assert proven is not None
    ahead = dataclasses.replace(proven, next={number: end + 5 for number, end in proven.next.items()})
    other = dataclasses.replace(proven, topic_id=uuid4())
    for useless in (ahead, other):
        found = audit(client, topic, world.watermarks, mark=useless)
        assert found.since is None
        check(found, rows)


def test_an_auditor_goes_on_from_its_own_mark_or_from_one_that_was_stored(client: Client) -> None:
    world, topic = World(4), uuid4()
    insert(client, topic, world.write(100))
    auditor = Auditor()
    assert auditor.audit(client, topic, world.watermarks).since is None
    assert auditor.audit(client, topic, world.watermarks).since is not None
    first = Auditor().audit(client, topic, world.watermarks)
    assert first.since is None
    assert first.mark is not None
    mark.store(client, first.mark)
    assert Auditor().audit(client, topic, world.watermarks).since is not None
    assert Auditor(full=True).audit(client, topic, world.watermarks).since is None


def test_it_tells_how_far_it_is(client: Client) -> None:
    world, topic = World(5), uuid4()
    insert(client, topic, world.write(700))
    told: list[tuple[int, int]] = []
    audit(client, topic, world.watermarks, tell=lambda done, rows: told.append((done, rows)))
    assert len(told) > 4
    assert told == sorted(told)
    assert told[-1] == (1400, 1400)


def test_the_hours_are_the_projections(client: Client) -> None:
    explained = client.query(f"EXPLAIN projections = 1 {load('audit_hours')}", parameters={"topic_id": str(uuid4())})
    insert(client, uuid4(), World(6).write(10))
    explained = client.query(f"EXPLAIN {load('audit_hours')}", parameters={"topic_id": str(uuid4())})
    assert any("hours" in line for (line,) in explained.result_rows)


def test_who_may_only_read_can_audit_but_leaves_no_mark(
    warehouse_server: EmbeddedServer, database: WarehouseSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    world, topic = World(7), uuid4()
    with closing(connect(database)) as writer:
        insert(writer, topic, world.write(50))
    reading = warehouse_server.reader(database.clickhouse_database)
    with closing(connect(reading)) as reader:
        found = audit(reader, topic, world.watermarks)
        assert found.adds_up
        store(AuditSettings(**dict(reading)), found)
        assert mark.last(reader, topic) is None
    assert "The mark was not stored" in capsys.readouterr().err
