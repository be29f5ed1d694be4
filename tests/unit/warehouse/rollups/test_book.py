"""Books: the fold of their rolls, and what answers may use of them."""

import random
from uuid import UUID

from warehouse.rollups.book import NOBODY, Book, Roll, Unit, read_on
from warehouse.rollups.clock import Clock

TOPIC = UUID(int=9)


def roll(number: int, units: dict[int, Unit], *, follows: int, id_: int = 0, whole: bool = False) -> Roll:
    clock = Clock.of([(TOPIC, 0, 0, 10 * number)])
    return Roll("geo", number, UUID(int=id_ or number), UUID(int=follows), whole, 1, "", clock, units)


CHAIN = [
    roll(1, {0: Unit(0, 5), 3600: Unit(0, 5)}, follows=NOBODY.int),
    roll(2, {0: Unit(11, 5), 3600: Unit(0, 15)}, follows=1),
    roll(3, {3600: Unit(12, 25)}, follows=2),
]


def test_a_book_is_the_fold_of_its_rolls_in_any_order() -> None:
    shuffled = random.Random(1).sample(CHAIN, 3)
    book = read_on(Book("geo"), shuffled)
    assert book.units == {0: Unit(11, 5), 3600: Unit(12, 25)}
    assert (book.number, book.clock.height) == (3, 30)
    assert read_on(read_on(Book("geo"), CHAIN[:2]), CHAIN[1:]) == book


def test_a_whole_roll_needs_none_before_it() -> None:
    whole = roll(4, {0: Unit(13, 40)}, follows=3, whole=True)
    assert read_on(Book("geo"), [whole]) == read_on(Book("geo"), [*CHAIN, whole])
    assert read_on(Book("geo"), [whole]).units == {0: Unit(13, 40)}


def test_of_two_that_follow_the_same_one_counts_and_takes_its_followers_along() -> None:
    other = roll(2, {0: Unit(99, 5)}, follows=1, id_=77)
    after_other = roll(3, {3600: Unit(98, 5)}, follows=77, id_=78)
    assert read_on(Book("geo"), [*CHAIN, other, after_other]) == read_on(Book("geo"), CHAIN)
    assert read_on(Book("geo"), [CHAIN[0], after_other]).number == 1


def test_what_lies_in_a_range() -> None:
    book = read_on(Book("geo"), CHAIN[:2])
    assert book.seals(0, 7200) == {0: 11}
    assert book.open_units(0, 7200) == [3600]
    assert not book.seals(3600, 7200)
    assert not book.open_units(0, 3600)


def test_under_another_switch_only_what_is_frozen_counts() -> None:
    book = read_on(Book("geo"), CHAIN)
    assert book.under(1, "UTC") is book
    assert book.under(2, "UTC") == Book("geo")
    frozen = read_on(book, [roll(4, {0: Unit(11, 5, frozen=True)}, follows=3)]).under(2, "UTC")
    assert frozen.rest_is_open
    assert frozen.units == {0: Unit(11, 5, frozen=True)}
    assert frozen.clock.height == 40


def test_days_of_another_zone_are_not_used() -> None:
    book = Book("day_geo", number=3, switch=1, zone="Europe/Zurich", units={0: Unit(11, 5)})
    assert book.under(1, "Europe/Zurich") is book
    assert book.under(1, "UTC") == Book("day_geo")
