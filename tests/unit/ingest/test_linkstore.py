"""The links in memory, as the topic has them."""

import msgspec
import pytest

from ingest.links import Link, Variant, link_id, link_key
from ingest.linkstore import LinkStore

encode = msgspec.json.encode


def link(domain: str = "go.example", slug: str = "a", **fields: object) -> Link:
    made = Link(
        id=link_id(domain, slug), domain=domain, slug=slug, destination="https://example.com/?a=%E4#f", version=1
    )
    return msgspec.structs.replace(made, **fields)


def store(*links: Link) -> LinkStore:
    made = LinkStore("localhost")
    for one in links:
        made.read(link_key(one.domain, one.slug), encode(one))
    return made


def test_the_last_record_of_a_key_counts() -> None:
    first, second = link(), link(version=2, destination="https://other.example/")
    links = store(first, second)
    found = links.get("go.example", "a")
    assert found is not None
    assert (found.version, found.destination) == (2, "https://other.example/")
    assert len(links) == 1


def test_slugs_belong_to_their_domain() -> None:
    links = store(link(), link("other.example", "b"))
    assert links.get("go.example", "b") is None
    assert links.get("other.example", "b") is not None
    assert links.get("third.example", "a") is None


def test_a_tombstone_removes() -> None:
    links = store(link(), link(slug="a/b"))
    links.read(b"go.example/a", None)
    assert links.get("go.example", "a") is None
    links.read(b"go.example/a/b", None)
    links.read(b"go.example/never", None)
    links.read(b"never.example/a", None)
    assert len(links) == 0


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("go.example", "go.example"),
        ("GO.example:8080", "go.example"),
        ("other.example", "localhost"),
        ("", "localhost"),
        ("go.example/x", "localhost"),
        ("\xff\xfe", "localhost"),
        ("a" * 5000, "localhost"),
    ],
)
def test_a_host_without_links_is_the_default_domain_s(host: str, domain: str) -> None:
    assert store(link()).domain(host) == domain


def test_a_domain_whose_links_are_gone_is_nobody_s() -> None:
    links = store(link())
    links.read(b"go.example/a", None)
    assert links.domain("go.example") == "localhost"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"", encode(link())),
        (b"nonsense", encode(link())),
        (b"\xff/a", encode(link())),
        (b"go.example/a", b""),
        (b"go.example/a", b"{}"),
        (b"go.example/a", b"\xff"),
        (b"go.example/b", encode(link())),
        (b"go.example/a", encode(link(destination="javascript:alert(1)"))),
        (b"go.example/a", encode(link(destination="https://example.com/\r\nx: y"))),
        (b"go.example/a", encode(link(destination="https://ä.example/"))),
        (b"go.example/a", encode(link(expired_url="//evil.example"))),
        (b"go.example/a", encode(link(position=65_536))),
        (b"go.example/a", encode(link(slot="x" * 65))),
        (b"go.example/a", encode(link(status=200))),
        (b"go.example/a", encode(link(variants=(Variant(name="v", destination="data:x"),)))),
    ],
)
def test_a_bad_record_changes_nothing(key: bytes, value: bytes) -> None:
    links = store(link(version=3))
    with pytest.raises(ValueError, match=r"."):
        links.read(key, value)
    kept = links.get("go.example", "a")
    assert kept is not None
    assert kept.version == 3
    assert len(links) == 1
