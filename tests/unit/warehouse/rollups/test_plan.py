"""What is rolled, from a book, what came since, and the time."""

from collections.abc import Mapping
from uuid import UUID

from warehouse.rollups.book import Book, Unit
from warehouse.rollups.clock import Clock
from warehouse.rollups.plan import Plan, plan

TOPIC = UUID(int=1)
BEFORE, AFTER = Clock.of([(TOPIC, 0, 0, 10)]), Clock.of([(TOPIC, 0, 0, 20)])
BOOK = Book("geo", number=3, clock=BEFORE, units={1: Unit(0, 4), 2: Unit(77, 6), 3: Unit(78, 1, frozen=True)})


def planned(counts: Mapping[int, int], *, ended: set[int], piece: int = 100, forced: tuple[int, ...] = ()) -> Plan:
    return plan(BOOK, AFTER, counts, closed=lambda at: at in ended, forced=forced, piece=piece)


def test_a_late_click_in_a_sealed_unit_is_added_to_what_it_has() -> None:
    todo = planned({2: 5, 3: 1}, ended=set())
    assert todo.merged == {2: Unit(77, 11), 3: Unit(78, 2, frozen=True)}
    assert (todo.fresh, todo.open) == ({}, {})


def test_a_unit_that_has_ended_is_sealed_from_raw_whether_it_was_touched_or_not() -> None:
    todo = planned({4: 2}, ended={1, 4})
    assert todo.fresh == {4: Unit(0, 2), 1: Unit(0, 4)}
    assert list(todo.fresh) == [4, 1]  # the newest first


def test_a_touched_unit_that_has_not_ended_stays_open_and_is_named() -> None:
    todo = planned({1: 3, 9: 1}, ended=set())
    assert todo.open == {1: Unit(0, 7), 9: Unit(0, 1)}


def test_a_piece_is_not_exceeded_unless_one_unit_does() -> None:
    counts = {4: 50, 5: 60}
    todo = planned(counts, ended={1, 4, 5}, piece=100)
    assert (set(todo.fresh), todo.left) == ({5}, 2)
    assert todo.open == {4: Unit(0, 50)}
    assert set(planned(counts, ended={5}, piece=10).fresh) == {5}


def test_forced_units_are_sealed_though_they_have_not_ended() -> None:
    assert set(planned({1: 1}, ended=set(), forced=(1,)).fresh) == {1}


def test_nothing_new_is_nothing_to_do() -> None:
    assert not plan(BOOK, BEFORE, {}, closed=lambda _: False).changes
    assert plan(BOOK, AFTER, {}, closed=lambda _: False).changes
    assert plan(BOOK, BEFORE, {}, closed=lambda _: True).changes
