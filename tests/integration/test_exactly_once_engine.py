"""The world of `tests.unit.streams.exactly_once` above the real engine: the statements that the ledger rests on.

What an insert does between its arrival and its end can't be held up here: one that is late comes whole, or never.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.unit.streams.exactly_once import ExactlyOnce
from tests.unit.streams.model_clickhouse import Call, Insert, ModelClickHouse, Row, Stage
from tests.unit.streams.test_exactly_once import LOSSES, WithoutFence, find_a_way, with_ledger, without
from warehouse.client import connect

FENCE = 7


class RealClickHouse(ModelClickHouse):
    """Carries calls out where the tables are."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._calls: dict[Insert, Call] = {}
        super().__init__()

    @property
    def rows(self) -> list[Row]:
        """What the table has of everybody's topics: ids are never the same."""
        ledger = "concat('weir ', toString(topic_id), '/', toString(kafka_partition))"
        sql = f"SELECT {ledger}, kafka_offset, toUnixTimestamp(batch_time) FROM events"
        return [Row(*row) for row in self._client.query(sql).result_rows]

    @rows.setter
    def rows(self, rows: list[Row]) -> None:
        """The table has them."""

    def send(self, call: Call) -> None:
        super().send(call)
        if call.is_insert:
            self._calls[self.inserts[call]] = call

    def carry_out(self, call: Call) -> Any:
        if not call.is_insert:
            return getattr(self._client, call.method)(*call.arguments, **call.options)
        insert = self.inserts[call]
        self.advance(insert)
        if insert.error:
            raise insert.error
        return None

    def advance(self, insert: Insert, rows: int | None = None) -> None:
        """All steps at once."""
        if insert.stage is Stage.ENDED:
            return
        insert.stage = Stage.ENDED
        call = self._calls[insert]
        try:
            self._client.raw_insert(*call.arguments, **call.options)
        except DatabaseError as error:
            insert.error = error
        else:
            self._add(insert.rows)

    def die(self) -> None:
        super().die()
        self._client.command("TRUNCATE TABLE fences")

    def lose(self, parts: Sequence[Sequence[Row]]) -> None:
        for part in parts:
            self._delete(part)
        self.parts = [part for part in self.parts if part not in parts]
        self.lost |= {(row.ledger, row.offset) for part in parts for row in part}

    def restore(self, parts: Sequence[Sequence[Row]]) -> None:
        self.lose([part for part in self.parts if part not in parts])
        for part in parts:
            if part not in self.parts:
                self._write(part)

    def _delete(self, part: Sequence[Row]) -> None:
        offsets = "kafka_offset BETWEEN {first:UInt64} AND {last:UInt64}"
        self._client.command(
            f"ALTER TABLE events DELETE WHERE topic_id = {{topic:UUID}} AND {offsets}",
            parameters={"topic": _topic(part), "first": part[0].offset, "last": part[-1].offset},
            settings={"mutations_sync": 1},
        )

    def _write(self, part: Sequence[Row]) -> None:
        topic = _topic(part)
        self._client.command(f"INSERT INTO fences VALUES ('{topic}', 0, {FENCE})")
        rows = [[topic, 0, row.offset, row.batch_time, FENCE] for row in part]
        names = ["topic_id", "kafka_partition", "kafka_offset", "batch_time", "fence"]
        self._client.insert("events", rows, column_names=names, settings={"insert_deduplicate": 0})
        self._client.command("TRUNCATE TABLE fences")
        self._add(part)


def _topic(part: Sequence[Row]) -> str:
    return part[0].ledger.removeprefix("weir ").partition("/")[0]


@pytest.fixture(scope="module")
def client(warehouse_server: EmbeddedServer) -> Iterator[Client]:
    with database_of_its_own(warehouse_server) as database, closing(connect(database)) as found:
        yield found


@pytest.fixture
def world(client: Client) -> Iterator[type[ExactlyOnce]]:
    """The world above this engine; the table is emptied for each play."""

    class Real(ExactlyOnce):
        def __init__(self) -> None:
            client.command("TRUNCATE TABLE events")
            super().__init__()
            self.first_topic = uuid4().int >> 1

        def make_clickhouse(self) -> ModelClickHouse:
            return RealClickHouse(client)

    with structlog.testing.capture_logs():
        yield Real


def test_every_offset_is_one_row_whatever_goes_wrong(world: type[ExactlyOnce]) -> None:
    few = settings(
        max_examples=8,
        stateful_step_count=15,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    run_state_machine_as_test(world, settings=few)


def test_a_writer_that_is_not_refused_is_found(world: type[ExactlyOnce]) -> None:
    find_a_way(without(with_ledger(WithoutFence, world), *LOSSES))
