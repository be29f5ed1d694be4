"""Capture: every field of the raw click, its limits, and what is left out for those who object."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.address import NOWHERE, read
from ingest.answer import ORPHAN, Answer
from ingest.capture import HINTS, PURPOSES, Identity, Request, capture, hints, purpose, text
from ingest.events import Kind, RawClick, click_id, decode, encode
from ingest.links import Link, link_id
from ingest.passthrough import take_apart
from ingest.sequence import Stamp
from ingest.visitor import Visitor

TS = 1_795_000_000_000
LINK = Link(
    id=link_id("go.example", "spring"),
    domain="go.example",
    slug="spring",
    destination="https://example.com/",
    version=7,
    position=9,
    position_of=10,
    slot="footer",
    trap=True,
)
VISITOR = Visitor("00000000000000aa", "00000000000000bb")
WHO = Identity(VISITOR, "2026-11-22", False, False)
OBJECTOR = Identity(VISITOR, "2026-11-22", False, True)
FOUND = Answer(Kind.CLICK, 302, b"https://example.com/?utm_source=x&gclid=secret", "b")


def request(query: bytes = b"", headers: dict[bytes, bytes] | None = None, **given: Any) -> Request:
    facts: dict[str, Any] = {
        "ts": TS,
        "domain": "go.example",
        "path": b"/spring",
        "slug": "spring",
        "headers": headers or {},
        "query": take_apart(query),
        "address": read("203.0.113.77"),
        "user_agent": "Firefox",
    }
    return Request(**facts | given)


def test_every_field() -> None:
    headers = {
        b"referer": b"https://ref.example/page?q=1&fbclid=secret",
        b"accept-language": b"de,en;q=0.5",
        b"sec-ch-ua": b'"Chromium";v="130"',
        b"sec-ch-ua-mobile": b"?0",
        b"sec-purpose": b"Prefetch;prerender",
        b"x-moz": b"prefetch",
    }
    query = (
        b"utm_source=x&gclid=secret&w_pos=3&w_of=12&w_slot=hero+top&w_ch=email&w_msg=m-1&w_rcpt=r%2F1"
        b"&w_sent=1795000000&w_qr=1"
    )
    assert capture(request(query, headers), LINK, FOUND, WHO, Stamp(5, 6)) == RawClick(
        kind=Kind.CLICK,
        src=5,
        seq=6,
        ts=TS,
        id=click_id(TS, 5, 6),
        domain="go.example",
        path="/spring",
        status=302,
        link_id=link_id("go.example", "spring"),
        link_version=7,
        variant="b",
        destination="https://example.com/?utm_source=x&gclid=",
        network="203.0.113.0/24",
        address_id="00000000000000aa",
        visitor_id="00000000000000bb",
        salt_day="2026-11-22",
        user_agent="Firefox",
        hints={"brands": '"Chromium";v="130"', "mobile": "?0"},
        referrer="https://ref.example/page?q=1&fbclid=",
        language="de,en;q=0.5",
        purpose="sec-purpose: prefetch;prerender, x-moz: prefetch",
        query="utm_source=x&gclid=",
        position=3,
        position_of=12,
        slot="hero top",
        channel="email",
        message="m-1",
        recipient="r/1",
        sent_at=1_795_000_000,
        qr=True,
        trap=True,
    )


def test_an_orphan_has_the_id_of_the_link_that_is_not_there() -> None:
    click = capture(request(slug="none", path=b"/none"), None, ORPHAN, WHO, Stamp(1, 1))
    assert (click.kind, click.status, click.link_id, click.link_version) == (
        Kind.ORPHAN,
        404,
        link_id("go.example", "none"),
        0,
    )
    assert (click.position, click.slot, click.destination) == (0, "", "")


def test_an_objector_is_counted_and_nobody() -> None:
    headers = {b"referer": b"https://ref.example/private?q=1"}
    click = capture(request(b"w_rcpt=r-1&w_msg=m-1", headers), LINK, FOUND, OBJECTOR, Stamp(1, 1))
    assert click.opted_out
    assert (click.address_id, click.visitor_id, click.recipient) == ("", "", "")
    assert click.referrer == "https://ref.example/"
    assert (click.network, click.message) == ("203.0.113.0/24", "m-1")


def test_a_salt_of_one_s_own_is_marked() -> None:
    assert capture(request(), LINK, FOUND, Identity(VISITOR, "2026-11-22", True, False), Stamp(1, 1)).salt_local


def test_the_link_s_position_stands_in() -> None:
    click = capture(request(), LINK, FOUND, WHO, Stamp(1, 1))
    assert (click.position, click.position_of, click.slot) == (9, 10, "footer")


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"1.5", b"65536", b"x", b"9" * 5000, b"\xb2", b"%31", b" 1", b"+1", b"1_0"]
)
def test_a_position_that_is_no_number_is_unknown(value: bytes) -> None:
    link = Link(id="", domain="", slug="", destination="", version=1)
    click = capture(request(b"w_pos=" + value + b"&w_sent=4294967296"), link, FOUND, WHO, Stamp(1, 1))
    assert (click.position, click.sent_at) == (0, 0)


@pytest.mark.parametrize(
    ("raw", "limit", "kept"),
    [
        (b"abc", 3, "abc"),
        (b"abcd", 3, "abc"),
        (b"", 3, ""),
        ("äöü".encode(), 4, "äö"),
        ("äöü".encode(), 5, "äö"),
        (b"a\xffb", 9, "a\ufffdb"),
        (b"\xff\xff\xff", 6, "\ufffd\ufffd"),
        (b"\xff\xff\xff", 5, "\ufffd"),
        (b"a\0b", 9, "a\ufffdb"),
        (b"\xed\xa0\x80", 9, "\ufffd\ufffd\ufffd"),
        ("\ufffd".encode(), 3, "\ufffd"),
        ("😀".encode(), 4, "😀"),
        ("😀".encode(), 3, ""),
    ],
)
def test_text(raw: bytes, limit: int, kept: str) -> None:
    assert text(raw, limit) == kept


@given(st.binary(max_size=60), st.integers(0, 60))
def test_text_fits_and_can_be_encoded(raw: bytes, limit: int) -> None:
    kept = text(raw, limit)
    assert len(kept.encode()) <= limit
    assert "\0" not in kept


def test_hints_by_their_short_names() -> None:
    sent = {name: str(number).encode() for number, name in enumerate(HINTS)} | {b"accept": b"*/*"}
    assert hints(sent) == {short: str(number) for number, short in enumerate(HINTS.values())}
    assert hints({}) == {}


@pytest.mark.parametrize("name", PURPOSES)
def test_every_purpose_header_is_kept(name: bytes) -> None:
    assert purpose({name: b"PREFETCH"}) == f"{name.decode()}: prefetch"


HEADERS = st.dictionaries(
    st.sampled_from([*HINTS, *PURPOSES, b"referer", b"accept-language"]), st.binary(max_size=3000), max_size=6
)
OWN = st.sampled_from([b"w_pos", b"w_of", b"w_slot", b"w_ch", b"w_msg", b"w_rcpt", b"w_sent", b"w_qr", b"gclid", b"q"])
QUERIES = st.lists(st.tuples(OWN, st.binary(max_size=200)), max_size=8).map(
    lambda pairs: b"&".join(name + b"=" + value for name, value in pairs)
)


@given(QUERIES, HEADERS, st.binary(max_size=3000), st.binary(max_size=5000), st.sampled_from([WHO, OBJECTOR]))
def test_whatever_the_bytes_the_click_decodes(
    query: bytes, headers: dict[bytes, bytes], path: bytes, location: bytes, who: Identity
) -> None:
    asked = request(query, headers, path=path, address=NOWHERE)
    click = capture(asked, LINK, Answer(Kind.CLICK, 302, location), who, Stamp(1, 1))
    assert decode(encode(click)) == click
