"""Answers: where a link leads, and when it leads nowhere."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from ingest.answer import answer
from ingest.events import Kind
from ingest.links import Link, Variant, link_id

NOW = 1_000_000


def link(**fields: Any) -> Link:
    facts: dict[str, Any] = {"destination": "https://e.example/?a=0#f", "version": 1} | fields
    return Link(id=link_id("go.example", "x"), domain="go.example", slug="x", **facts)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_link_answers_with_its_status(status: int) -> None:
    found = answer(link(status=status), NOW, b"", "visitor")
    assert (found.kind, found.status, found.location) == (Kind.CLICK, status, b"https://e.example/?a=0#f")


def test_the_query_is_passed_on_or_not() -> None:
    assert answer(link(), NOW, b"a=1", "").location == b"https://e.example/?a=1#f"
    assert answer(link(passthrough=False), NOW, b"a=1", "").location == b"https://e.example/?a=0#f"


@pytest.mark.parametrize(
    ("fields", "kind", "status", "location"),
    [
        ({"enabled": False}, Kind.DISABLED, 404, b""),
        ({"starts_at": NOW + 1}, Kind.EXPIRED, 404, b""),
        ({"starts_at": NOW}, Kind.CLICK, 302, b"https://e.example/?a=0#f"),
        ({"expires_at": NOW + 1}, Kind.CLICK, 302, b"https://e.example/?a=0#f"),
        ({"expires_at": NOW}, Kind.EXPIRED, 410, b""),
        ({"expires_at": NOW, "expired_url": "https://late.example/"}, Kind.EXPIRED, 302, b"https://late.example/"),
        ({"expires_at": NOW, "expired_url": "https://late.example/", "enabled": False}, Kind.DISABLED, 404, b""),
    ],
)
def test_links_that_lead_elsewhere_or_nowhere(fields: dict[str, Any], kind: Kind, status: int, location: bytes) -> None:
    found = answer(link(**fields), NOW, b"", "")
    assert (found.kind, found.status, found.location) == (kind, status, location)


def test_no_link_is_an_orphan() -> None:
    found = answer(None, NOW, b"a=1", "")
    assert (found.kind, found.status, found.location) == (Kind.ORPHAN, 404, b"")


VARIANTS = (
    Variant(name="a", destination="https://a.example/", weight=1),
    Variant(name="none", destination="https://none.example/", weight=0),
    Variant(name="b", destination="https://b.example/", weight=3),
)


WEIGHTED = tuple(
    Variant(name=str(weight), destination=f"https://v{weight}.example/", weight=weight) for weight in range(5)
)
VISITORS = [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in range(10_000)]


def chi_square(seen: Counter[Any], expected: dict[Any, float]) -> float:
    assert set(seen) <= set(expected)
    return sum((seen[what] - count) ** 2 / count for what, count in expected.items())


def test_variants_share_visitors_by_weight() -> None:
    chosen = Counter(answer(link(variants=WEIGHTED), NOW, b"", visitor).variant for visitor in VISITORS)
    expected = {str(weight): len(VISITORS) * weight / 10 for weight in range(1, 5)}
    assert chi_square(chosen, expected) < 16.27, "the 0.1% point of three degrees of freedom"


def test_another_version_and_another_link_draw_anew_and_not_the_same_again() -> None:
    first = link(variants=WEIGHTED)
    pairs = {(str(one), str(other)): one * other / 100 * len(VISITORS) for one in range(1, 5) for other in range(1, 5)}
    for second in (msgspec.structs.replace(first, version=2), msgspec.structs.replace(first, id="00000000000000aa")):
        seen = Counter(tuple(answer(of, NOW, b"", visitor).variant for of in (first, second)) for visitor in VISITORS)
        assert chi_square(seen, pairs) < 37.70, "the 0.1% point of fifteen degrees of freedom"


def test_a_visitor_keeps_the_variant_until_the_link_is_changed() -> None:
    first = link(variants=VARIANTS)
    second = msgspec.structs.replace(first, version=2)
    visitors = [f"{number:016x}" for number in range(200)]
    chosen = [answer(first, NOW, b"", visitor).variant for visitor in visitors]
    assert chosen == [answer(first, NOW + 1, b"q=1", visitor).variant for visitor in visitors]
    assert chosen != [answer(second, NOW, b"", visitor).variant for visitor in visitors]


def test_the_variant_s_destination_takes_the_query() -> None:
    found = answer(link(variants=VARIANTS[:1]), NOW, b"q=1", "v")
    assert (found.variant, found.location) == ("a", b"https://a.example/?q=1")


def test_variants_without_weight_fall_back_to_the_destination() -> None:
    found = answer(link(variants=VARIANTS[1:2]), NOW, b"", "v")
    assert (found.variant, found.location) == ("", b"https://e.example/?a=0#f")
