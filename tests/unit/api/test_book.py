from typing import Any

import msgspec
import pytest

from api.links.book import LinkBook, Wanted, cursor
from ingest.links import Link, link_id, link_key


def link(slug: str, version: int = 1, made: int = 0, **fields: Any) -> Link:
    return Link(
        id=link_id("go.example", slug),
        domain="go.example",
        slug=slug,
        destination=f"https://shop.example/{slug}",
        version=version,
        created_at=made,
        tags=("autumn",) if "tag" in slug else (),
        **fields,
    )


def book_of(*links: Link) -> LinkBook:
    book = LinkBook()
    for each in links:
        book.record(link_key(each.domain, each.slug), msgspec.json.encode(each))
    return book


def test_the_last_record_of_a_link_stands() -> None:
    book = book_of(link("a", 1), link("a", 2, title="new"))
    assert book.get(link_id("go.example", "a")) == link("a", 2, title="new")


def test_a_version_that_comes_late_changes_nothing() -> None:
    book = book_of(link("a", 2))
    book.put(link("a", 1))
    found = book.get(link_id("go.example", "a"))
    assert found is not None
    assert found.version == 2


@pytest.mark.parametrize("value", [None, b""])
def test_a_tombstone_forgets_the_link(value: bytes | None) -> None:
    book = book_of(link("a/b"), link("c"))
    book.record(link_key("go.example", "a/b"), value)
    assert book.page(Wanted(), 10, None) == ([link("c")], 1)


@pytest.mark.parametrize(("key", "value"), [(b"x", b"{"), (b"x", b"[]"), (b"no-slash", None), (b"\xff", None)])
def test_a_record_that_can_not_be_read_changes_nothing(key: bytes, value: bytes | None) -> None:
    book = book_of(link("a"))
    with pytest.raises(ValueError, match=r".+"):
        book.record(key, value)
    assert book.page(Wanted(), 10, None)[1] == 1


def test_pages_meet_every_link_once_and_the_newest_first() -> None:
    book = book_of(*(link(f"s{number}", made=number // 2) for number in range(10)))
    seen: list[Link] = []
    after = None
    while page := book.page(Wanted(), 3, after)[0]:
        seen += page
        after = cursor(page[-1])
    assert len({each.id for each in seen}) == len(seen) == 10
    assert [each.created_at for each in seen] == [4, 4, 3, 3, 2, 2, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("wanted", "slugs"),
    [
        (Wanted(), {"a", "b-tag", "c"}),
        (Wanted(domain="go.example"), {"a", "b-tag", "c"}),
        (Wanted(domain="other.example"), set()),
        (Wanted(tag="autumn"), {"b-tag"}),
        (Wanted(campaign="x"), {"c"}),
        (Wanted(text="shop.example/a"), {"a"}),
        (Wanted(text="große"), set()),
        (Wanted(text="grosse"), {"c"}),
        (Wanted(campaign="x", tag="autumn"), set()),
    ],
)
def test_a_list_shows_what_fits(wanted: Wanted, slugs: set[str]) -> None:
    book = book_of(link("a"), link("b-tag"), link("c", campaign="x", title="GROSSE"))
    assert {each.slug for each in book.page(wanted, 10, None)[0]} == slugs


def test_a_page_is_of_the_book_as_it_is() -> None:
    """A list is kept for the next page, and is made anew when the book or the question is another."""
    book = book_of(link("a", made=1), link("b", made=2))
    assert book.page(Wanted(), 10, None) == ([link("b", made=2), link("a", made=1)], 2)
    book.put(link("c", made=3))
    assert book.page(Wanted(), 1, None) == ([link("c", made=3)], 3)
    book.drop(link_id("go.example", "b"))
    assert book.page(Wanted(), 10, (3, link_id("go.example", "c"))) == ([link("a", made=1)], 2)
    assert book.page(Wanted(text="example/a"), 10, None) == ([link("a", made=1)], 1)
