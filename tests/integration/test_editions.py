"""Which edition of history is in the answers: views and the API's predicate before, between and after switches."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.rows import TOPIC, insert, make_rows
from tests.unit.warehouse.replays.test_layers import newest
from warehouse.client import connect
from warehouse.replays import book
from warehouse.replays.book import Replay, ReplayRefused, State, Switch
from warehouse.settings import WarehouseSettings
from warehouse.sql import load

START = datetime(2026, 11, 1, tzinfo=UTC)
SMALL = make_rows(20, seed=1, start=START, span=timedelta(days=3))
RANGES = {1: range(5, 15), 2: range(12, 18), 3: range(8)}
"""Edition → the offsets that it covers."""


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Iterator[Client]:
    """A database with twenty rows, and three editions of some of them that are not switched to."""
    insert(warehouse, [{**row, "outcome": "human", "channel": "0"} for row in SMALL])
    with connect(warehouse) as client:
        for edition, offsets in RANGES.items():
            replay = begun(client, offsets)
            assert replay.edition == edition
            found = [{**SMALL[offset], "edition": edition, "outcome": "suspect"} for offset in offsets]
            insert(warehouse, [{**row, "channel": str(edition)} for row in found])
            book.set_state(client, replay, State.WRITTEN)
        yield client


def begun(client: Client, offsets: range) -> Replay:
    return book.begin(client, {(TOPIC, 0): offsets}, "rules", asked_from=START, asked_to=None)


def live(client: Client) -> list[tuple[Any, ...]]:
    """The offsets in the answers, with the edition that each comes from."""
    sql = f"WITH {load('switched')} SELECT kafka_offset, edition FROM events WHERE {load('live')} ORDER BY kafka_offset"
    return [tuple(row) for row in client.query(sql).result_rows]


def expected(stack: Sequence[int]) -> list[tuple[int, int]]:
    covered = [(edition, {(TOPIC, 0): RANGES[edition]}) for edition in stack]
    return [(offset, newest(covered, TOPIC, 0, offset)) for offset in range(20)]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*RANGES]), unique=True))
def test_every_offset_is_in_the_answers_once_from_the_edition_that_counts(client: Client, stack: list[int]) -> None:
    book.switch(client, stack, "for the test")
    assert live(client) == expected(stack)
    for view in ("v_events", "v_clicks"):
        found = client.query(f"SELECT kafka_offset, toUInt32(channel) FROM {view} ORDER BY kafka_offset").result_rows
        assert [tuple(row) for row in found] == expected(stack)
    assert book.switched(client).stack == tuple(stack)


def test_what_is_not_switched_to_costs_nothing(client: Client) -> None:
    plan = f"EXPLAIN actions = 1 WITH {load('switched')} SELECT count() FROM events WHERE {load('live')}"
    assert "arraySum" not in str(client.command(plan))
    book.switch(client, [1], "for the test")
    assert "arraySum" in str(client.command(plan))
    book.switch(client, [], "for the test")
    assert "arraySum" not in str(client.command(plan))
    assert live(client) == expected([])


def test_of_two_that_switch_at_once_one_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    book.switch(client, [1], "first")
    monkeypatch.setattr(book, "switched", lambda _client: Switch(0))
    with pytest.raises(ReplayRefused, match="at the same moment"):
        book.switch(client, [2], "second")
    assert live(client) == expected([1])


def test_of_two_that_begin_at_once_one_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    known = book.replays(client)
    begun(client, range(3))
    answers = iter([known, book.replays(client)])
    monkeypatch.setattr(book, "replays", lambda _client: next(answers))
    with pytest.raises(ReplayRefused, match="at the same moment"):
        begun(client, range(4))


def test_an_edition_in_the_answers_is_not_dropped(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _ = book.replays(client)
    book.switch(client, [1], "for the test")
    with pytest.raises(ReplayRefused, match="weir replay --undo 1"):
        book.drop(client, one)
    book.switch(client, [], "for the test")
    with pytest.raises(ReplayRefused, match="a moment ago"):
        book.drop(client, one)
    book.drop(client, two)
    monkeypatch.setattr(book, "DROP_AFTER", timedelta())
    book.drop(client, one)
    assert client.command("SELECT arraySort(groupUniqArray(edition)) FROM events") == "[0,3]"
    assert [replay.state for replay in book.replays(client)] == [State.DROPPED, State.DROPPED, State.WRITTEN]
    assert live(client) == expected([])
