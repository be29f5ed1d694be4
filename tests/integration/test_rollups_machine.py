"""Rolling as a state machine on the real engine: whatever happens in whatever order, books say what the log holds.

Truth is kept in plain Python: every record once, as the edition in the answers has it, without what was erased.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.integration.rollup_answers import Answer, answer_by_book
from warehouse.client import connect
from warehouse.failpoints import Failpoint
from warehouse.replays import book as replays
from warehouse.rollups import clean, desk, publish, roll
from warehouse.rollups.clean import Cleaner
from warehouse.rollups.families import FAMILIES, Family
from warehouse.rollups.read import read_books_sync
from warehouse.rollups.roll import Roller
from warehouse.rollups.units import unit_of

ZONE = "America/Havana"
NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
"""Of the day that begins at one o'clock there: the clocks skip midnight."""
KEPT = ("geo", "links", "day_devices")
PLACES = [(UUID(int=1), 0), (UUID(int=1), 1), (UUID(int=2), 0)]
FENCE = 7
Record = dict[str, Any]


class Killed(Exception):
    """A roller that died."""


@pytest.fixture(scope="module")
def client(warehouse_server: EmbeddedServer) -> Iterator[Client]:
    with database_of_its_own(warehouse_server) as warehouse, connect(warehouse) as client:
        for topic_id, partition in PLACES:
            client.command(f"INSERT INTO fences VALUES ('{topic_id}', {partition}, {FENCE})")
        yield client


class Rolling(RuleBasedStateMachine):
    """What may happen to an installation."""

    client: ClassVar[Client]

    @initialize(seed=st.integers(0, 1 << 32))
    def begin(self, seed: int) -> None:
        for table in ("events", "rolls", "editions", "replays", *(FAMILIES[name].table for name in FAMILIES)):
            self.client.command(f"TRUNCATE TABLE {table}")
        self.chance = random.Random(seed)
        self.records: dict[tuple[UUID, int, int], Record] = {}
        self.lost: list[Record] = []
        self.frozen = False
        self.now = NOW
        self.monotonic = 0.0
        self.rollers = [Roller(self.client, ZONE, piece=25) for _ in range(2)]
        self.cleaner = Cleaner(self.client, lambda: self.monotonic)

    @rule(place=st.sampled_from(PLACES), count=st.integers(1, 12), late=st.sampled_from((0, 1, 30, 400)))
    def clicks_arrive(self, place: tuple[UUID, int], count: int, late: int) -> None:
        first = sum(key[:2] == place for key in self.records)
        new = [self._record(place, first + number, late) for number in range(count)]
        self._insert(new)
        self.records |= {(*place, record["kafka_offset"]): record for record in new}

    @rule(roller=st.integers(0, 1))
    def roll(self, roller: int) -> None:
        self.rollers[roller].turn(self.now.timestamp())

    @rule(after=st.integers(1, 12))
    def a_roller_dies(self, after: int) -> None:
        def die(_: Failpoint) -> None:
            raise Killed

        with at_failpoint(after, die), suppress(Killed):
            Roller(self.client, ZONE, piece=25).turn(self.now.timestamp())

    @rule(after=st.integers(1, 12), late=st.sampled_from((0, 1, 30)))
    def another_roller_comes_before(self, after: int, late: int) -> None:
        def come_before(_: Failpoint) -> None:
            self.clicks_arrive(PLACES[0], 3, late)
            self.rollers[1].turn(self.now.timestamp() + 7200)

        with at_failpoint(after, come_before):
            self.rollers[0].turn(self.now.timestamp())

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def rows_of_dead_seals_are_deleted(self) -> None:
        self.cleaner.look(self.now.timestamp())
        self.monotonic += clean.DEAD_SECONDS
        self.cleaner.look(self.now.timestamp() + clean.YOUNG_SECONDS)

    @rule(family=st.sampled_from(KEPT))
    @precondition(lambda self: not self.frozen)
    def a_rollup_loses_rows_and_is_looked_at(self, family: str) -> None:
        self._delete(FAMILIES[family].table, "cityHash64(seal) % 3 = 0")
        self.cleaner.look(self.now.timestamp())

    @rule(place=st.sampled_from(PLACES))
    @precondition(lambda self: not self.lost and not self.frozen)
    def raw_loses_rows(self, place: tuple[UUID, int]) -> None:
        """The last ones of a partition, or some in its middle; the editions' rows are written again by their replay."""
        offsets = sorted(key[2] for key in self.records if key[:2] == place)
        if not offsets:
            return
        first = self.chance.choice(offsets)
        lost = range(first, first + self.chance.randint(1, 8))
        self.lost = [record for key, record in self.records.items() if key[:2] == place and key[2] in lost]
        self._delete_offsets(place, lost)
        self.rollers[0].turn(self.now.timestamp())

    @rule()
    @precondition(lambda self: self.lost)
    def the_worker_reads_them_again(self) -> None:
        self._insert(self.lost)
        self.lost = []

    @rule(link=st.integers(1, 3), after=st.integers(1, 8))
    @precondition(lambda self: not self.frozen and not self.lost)
    def a_link_is_erased(self, link: int, after: int) -> None:
        """While a roller is at work that has read what is erased."""
        gone = {key: record for key, record in self.records.items() if record["link_id"] == link}

        def erase(_: Failpoint) -> None:
            self._delete("events", f"link_id = {link}")
            hours = {unit_of(FAMILIES["geo"].unit, int(record["ts"].timestamp()), "") for record in gone.values()}
            desk.void(self.client, hours, ZONE)
            desk.void(self.client, hours, ZONE)
            self.records = {
                key: record if key not in gone else {**record, "outcome": ""} for key, record in self.records.items()
            }

        with at_failpoint(after, erase) as reached:
            Roller(self.client, ZONE, piece=25).turn(self.now.timestamp())
        if not reached:
            erase(Failpoint.BEFORE_SEAL)

    @rule(after=st.integers(0, 8))
    @precondition(lambda self: self.records and not self.lost and not self.frozen)
    def an_edition_is_switched_to(self, after: int) -> None:
        """While a roller is at work."""
        ranges = {place: range(sum(key[:2] == place for key in self.records)) for place in PLACES}
        ranges = {place: offsets for place, offsets in ranges.items() if offsets}
        replay = replays.begin(self.client, ranges, "rules", asked_from=NOW, asked_to=None)
        anew = {
            key: record if not record["outcome"] else {**record, "outcome": "bot", "country": str(replay.edition)}
            for key, record in self.records.items()
        }
        rows = [{**record, "edition": replay.edition} for record in anew.values() if record["outcome"]]
        self._insert(rows)

        def switch(_: Failpoint) -> None:
            replays.switch(self.client, [replay.edition], "for the test")
            self.records = anew

        with at_failpoint(after, switch) as reached:
            self.rollers[0].turn(self.now.timestamp())
        if not reached:
            switch(Failpoint.BEFORE_SEAL)

    @rule()
    @precondition(lambda self: not self.lost and not self.frozen)
    def what_is_old_is_frozen_and_dropped(self) -> None:
        """Retention: everything that is rolled by now stays in the rollups alone."""
        for _ in range(20):
            books = read_books_sync(self.client).books
            still = {name: book.open_units(0, 1 << 32) for name, book in books.items()}
            self.rollers[0].turn(self.now.timestamp(), forced={name: units or [0] for name, units in still.items()})
            if not any(still.values()) and all(book.number for book in books.values()):
                break
        hours = {int(record["ts"].timestamp()) // 3600 * 3600 for record in self.records.values()}
        desk.freeze(self.client, hours, ZONE)
        self._delete("events", "1")
        self.frozen = True

    @invariant()
    def answers_are_right(self) -> None:
        if self.lost or not hasattr(self, "records"):
            return
        for family in FAMILIES.values():
            assert answer_by_book(self.client, family, ZONE) == self._truth(family), family.name

    def _truth(self, family: Family) -> Answer:
        found: dict[tuple[Any, ...], tuple[int, set[Any]]] = defaultdict(lambda: (0, set()))
        for record in self.records.values():
            if not record["outcome"]:
                continue
            unit = unit_of(family.unit, int(record["ts"].timestamp()), ZONE)
            key = (unit, *(record.get(name, DEFAULTS.get(name, "")) for name in family.keys))
            count, visitors = found[key]
            if record["outcome"] in {"human", "suspect"} and record["visitor_id"] and family.visitors:
                visitors = visitors | {(record["salt_day"], record["visitor_id"])}
            found[key] = (count + 1, visitors)
        return {key: (count, len(visitors)) for key, (count, visitors) in found.items()}

    def _record(self, place: tuple[UUID, int], offset: int, late: int) -> Record:
        chance = self.chance
        ts = self.now - timedelta(hours=late) * chance.random() - timedelta(minutes=10) * chance.random()
        if chance.random() < 0.03:  # a clock that is far off
            ts = chance.choice((datetime(1970, 1, 3, tzinfo=UTC), datetime(2099, 12, 31, 23, 59, tzinfo=UTC)))
        return {
            **dict(zip(("topic_id", "kafka_partition"), place, strict=True)),
            "kafka_offset": offset,
            "edition": 0,
            "append_time": self.now,
            "batch_time": self.now,
            "fence": FENCE,
            "kind": "click",
            "outcome": chance.choice(("human", "suspect", "bot", "repeat")),
            "verdict": "human",
            "ts": ts.replace(microsecond=0),
            "salt_day": ts.date(),
            "domain": "go.example",
            "link_id": chance.randint(1, 4),
            "visitor_id": chance.randint(0, 5),
            "country": chance.choice(("CH", "NP")),
            "device": chance.choice(("mobile", "desktop")),
        }

    def _insert(self, records: list[Record]) -> None:
        rows = [record for record in records if record["outcome"]]
        if rows:
            columns = list(rows[0])
            settings = {"insert_deduplication_token": str(uuid4())}
            values = [[row[name] for name in columns] for row in rows]
            self.client.insert("events", values, column_names=columns, settings=settings)

    def _delete(self, table: str, condition: str) -> None:
        self.client.command(f"ALTER TABLE {table} DELETE WHERE {condition}", settings={"mutations_sync": 1})

    def _delete_offsets(self, place: tuple[UUID, int], offsets: range) -> None:
        where = f"topic_id = '{place[0]}' AND kafka_partition = {place[1]} AND edition = 0"
        self._delete("events", f"{where} AND kafka_offset BETWEEN {offsets.start} AND {offsets.stop - 1}")


DEFAULTS = {"device": "other", "link_id": 0}


@contextmanager
def at_failpoint(number: int, do: Any) -> Iterator[list[Failpoint]]:
    """Do something once, when a roller reaches its `number`th failpoint; yields those that did something."""
    reached: list[Failpoint] = []
    count = 0

    def reach(place: Failpoint) -> None:
        nonlocal count
        count += 1
        if count == number:
            reached.append(place)
            do(place)

    with pytest.MonkeyPatch.context() as patch:
        for module in (roll, publish):
            patch.setattr(module, "reach", reach)
        yield reached


def test_answers_are_right_whatever_happens(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(FAMILIES) - set(KEPT):
        monkeypatch.delitem(FAMILIES, name)
    monkeypatch.setattr(roll, "TAIL", 1)
    monkeypatch.setattr(Rolling, "client", client, raising=False)
    chosen = settings(
        max_examples=3, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    run_state_machine_as_test(Rolling, settings=chosen)
