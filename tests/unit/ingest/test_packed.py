"""Packed links: nothing that a redirect needs is lost, and they are as small as promised."""

import gc
import sys
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.links import Link, Target, Variant, link_id, link_key
from ingest.linkstore import LinkStore
from ingest.linkstore.packed import entry, pack, unpack

MOST_BYTES = 300
"""Of a link with a destination of 80 characters: name, packed link, and their place in a dictionary."""

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
addresses = st.from_regex(r"https?://[!-\[\]-~]{1,40}", fullmatch=True)
millis = st.integers(0, 2**53)
small = st.integers(0, 0xFFFF)
variants = st.builds(
    Variant, name=st.text(min_size=1, max_size=5), destination=addresses, weight=st.integers(0, 10_000)
)
links = st.builds(
    Link,
    id=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    domain=st.just("go.example"),
    slug=st.just("a/b"),
    destination=addresses,
    version=st.integers(0, 0xFFFF_FFFF),
    variants=st.lists(variants, max_size=3).map(tuple),
    enabled=st.booleans(),
    starts_at=millis,
    expires_at=millis,
    expired_url=st.just("") | addresses,
    status=st.sampled_from([301, 302, 307, 308]),
    passthrough=st.booleans(),
    referrer_policy=st.sampled_from(["", "origin"]),
    position=small,
    position_of=small,
    slot=text,
    trap=st.booleans(),
    title=text,
    tags=st.lists(text, max_size=3).map(tuple),
)


def facts(link: Target) -> dict[str, Any]:
    return {name: getattr(link, name) for name in Target.__struct_fields__}


@given(links)
def test_what_a_redirect_needs_comes_out_as_it_went_in(link: Link) -> None:
    assert facts(unpack(pack(link))) == facts(link)


@given(links)
def test_a_record_becomes_its_entry(link: Link) -> None:
    key = link_key(link.domain, link.slug)
    assert entry(key, msgspec.json.encode(link)) == ("go.example/a/b", pack(link))
    assert entry(key, None) == ("go.example/a/b", None)


def test_a_million_links_are_small_and_nothing_for_the_garbage_collector() -> None:
    store, count = LinkStore("localhost"), 20_000
    for number in range(count):
        slug = f"{number:012d}"
        destination = f"https://shop.example/{number:059d}"
        made = Link(id=link_id("go.example", slug), domain="go.example", slug=slug, destination=destination, version=1)
        store.read(link_key("go.example", slug), msgspec.json.encode(made))
    parts = store._served.parts
    contents = sum(sys.getsizeof(name) + sys.getsizeof(packed) for name, packed in store.items())
    assert (contents + sum(map(sys.getsizeof, parts))) / count <= MOST_BYTES
    assert not any(gc.is_tracked(part) for part in parts)
