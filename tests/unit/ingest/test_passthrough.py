"""The query on its way through: every byte that is not replaced or Weir's own arrives as it was sent."""

import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.passthrough import CLICK_IDS, blank, merge, sendable, take_apart

SEGMENT = st.from_regex(rb"[!\"$%'-;A-~]{0,4}(=[!\"$%'-;=?A-~]{0,4}){0,2}", fullmatch=True)
QUERY = st.lists(SEGMENT, max_size=5).map(b"&".join)
ADDRESS = st.from_regex(rb"https://[a-z]{1,3}(/[a-z%]{0,3}){0,2}", fullmatch=True)
FRAGMENT = st.just(b"") | QUERY.map(lambda text: b"#" + text)


def name(segment: bytes) -> bytes:
    """A parameter's name as a server reads it, written anew for the test: decoded byte by byte."""
    raw = segment.split(b"=")[0].replace(b"+", b" ")
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), raw)


@pytest.mark.parametrize(
    ("destination", "incoming", "location"),
    [
        (b"https://e.example/", b"a=1", b"https://e.example/?a=1"),
        (b"https://e.example", b"a=1", b"https://e.example?a=1"),
        (b"https://e.example/?", b"a=1", b"https://e.example/?a=1"),
        (b"https://e.example/#top", b"a=1", b"https://e.example/?a=1#top"),
        (b"https://e.example/#top?x", b"a=1", b"https://e.example/?a=1#top?x"),
        (b"https://e.example/?a=0&b=2", b"a=1", b"https://e.example/?b=2&a=1"),
        (b"https://e.example/?a=0&b=2&a=3#f", b"a=1&a=4", b"https://e.example/?b=2&a=1&a=4#f"),
        (b"https://e.example/?flag&b", b"flag=1", b"https://e.example/?b&flag=1"),
        (b"https://e.example/?flag=1", b"flag", b"https://e.example/?flag"),
        (b"https://e.example/?a=0", b"%61=1", b"https://e.example/?%61=1"),
        (b"https://e.example/?x+y=0", b"x%20y=1", b"https://e.example/?x%20y=1"),
        (b"https://e.example/?A=0", b"a=1", b"https://e.example/?A=0&a=1"),
        (b"https://e.example/?q=%E4+b", b"r=%e4%2B+", b"https://e.example/?q=%E4+b&r=%e4%2B+"),
        (b"https://e.example/?a&&b", b"&c", b"https://e.example/?a&&b&&c"),
        (b"https://e.example/?a=1;b=2", b"b=3", b"https://e.example/?a=1;b=2&b=3"),
        (b"https://e.example/?u=https://x/?y", b"", b"https://e.example/?u=https://x/?y"),
    ],
)
def test_merge(destination: bytes, incoming: bytes, location: bytes) -> None:
    assert merge(destination, incoming) == location


@given(ADDRESS, QUERY, FRAGMENT, QUERY)
def test_every_byte_outside_the_replaced_keys_is_unchanged(
    address: bytes, query: bytes, fragment: bytes, incoming: bytes
) -> None:
    merged = merge(address + (b"?" + query if query else b"") + fragment, incoming)
    replaced = {name(segment) for segment in incoming.split(b"&") if segment}
    kept = [segment for segment in query.split(b"&") if not segment or name(segment) not in replaced] if query else []
    if not incoming:
        kept = query.split(b"&") if query else []
    expected = b"&".join([*kept, *([incoming] if incoming else [])])
    assert merged == address + (b"?" + expected if query or incoming else b"") + fragment


@given(ADDRESS, QUERY, FRAGMENT)
def test_nothing_incoming_changes_nothing(address: bytes, query: bytes, fragment: bytes) -> None:
    destination = address + b"?" + query + fragment
    assert merge(destination, b"") is destination


@pytest.mark.parametrize(
    ("query", "passed", "own"),
    [
        (b"", b"", {}),
        (b"a=1&b", b"a=1&b", {}),
        (b"w_pos=3", b"", {b"w_pos": b"3"}),
        (b"a=1&w_pos=3&b=%E4", b"a=1&b=%E4", {b"w_pos": b"3"}),
        (b"w_pos=3&w_pos=4", b"", {b"w_pos": b"3"}),
        (b"w_&w_x&w_y=1=2", b"", {b"w_": b"", b"w_x": b"", b"w_y": b"1=2"}),
        (b"&w_pos=3&&a", b"&&a", {b"w_pos": b"3"}),
        (b"xw_pos=3&W_POS=4", b"xw_pos=3&W_POS=4", {}),
        (b"w%5Fpos=3", b"w%5Fpos=3", {}),
        (b"a=w_pos", b"a=w_pos", {}),
    ],
)
def test_own_parameters_are_taken_out(query: bytes, passed: bytes, own: dict[bytes, bytes]) -> None:
    apart = take_apart(query)
    assert (apart.passed, apart.own) == (passed, own)


OWN = st.sampled_from([b"w_pos=3", b"w_of=9", b"w_slot=hero", b"w_"])


@given(st.lists(st.tuples(SEGMENT.filter(lambda segment: not segment.startswith(b"w_")), OWN | st.none()), max_size=6))
def test_what_is_not_ours_is_passed_on_byte_by_byte(segments: list[tuple[bytes, bytes | None]]) -> None:
    foreign = [segment for segment, _ in segments]
    sent = [part for segment, own in segments for part in (segment, own) if part is not None]
    assert take_apart(b"&".join(sent)).passed == b"&".join(foreign)


@given(st.binary(max_size=50))
def test_what_is_sent_can_stand_in_a_header(query: bytes) -> None:
    sent = sendable(query)
    assert all(0x21 <= byte <= 0x7E and byte != ord("#") for byte in sent)
    if all(0x21 <= byte <= 0x7E and byte != ord("#") for byte in query):
        assert sent == query


@given(ADDRESS, QUERY, FRAGMENT, st.binary(min_size=1, max_size=50))
def test_hostile_bytes_change_nothing_but_themselves(
    address: bytes, query: bytes, fragment: bytes, incoming: bytes
) -> None:
    replaced = {name(segment) for segment in incoming.split(b"&") if segment}
    kept = [segment for segment in query.split(b"&") if not segment or name(segment) not in replaced] if query else []
    merged = merge(address + (b"?" + query if query else b"") + fragment, incoming)
    begin = address + b"?" + b"".join(segment + b"&" for segment in kept)
    assert merged.startswith(begin)
    assert merged.endswith(fragment)
    arrived = merged[len(begin) : len(merged) - len(fragment)]
    assert unquote_to_bytes(arrived) == unquote_to_bytes(incoming)
    assert all(0x21 <= byte <= 0x7E and byte != ord("#") for byte in arrived)


def test_no_header_can_be_forged() -> None:
    assert merge(b"https://e.example/", b"a=\r\nSet-Cookie: x") == b"https://e.example/?a=%0D%0ASet-Cookie:%20x"


@pytest.mark.parametrize("click_id", CLICK_IDS)
def test_every_click_id_is_blanked(click_id: str) -> None:
    assert blank(f"a=1&{click_id}=secret&b=2") == f"a=1&{click_id}=&b=2"
    assert blank(f"{click_id.upper()}=secret") == f"{click_id.upper()}="
    assert blank(f"https://e.example/?{click_id}=secret#f") == f"https://e.example/?{click_id}=#f"
    assert blank(f"a=1&{click_id}") == f"a=1&{click_id}"


@pytest.mark.parametrize("text", ["", "a=1", "id=5", "xgclid=1", "gclidx=1", "a=gclid", "utm_id=3&gclid", "/gclid=1"])
def test_what_is_no_click_id_stays(text: str) -> None:
    assert blank(text) == text


@given(QUERY.map(lambda query: query.decode()))
def test_blanking_once_is_enough(query: str) -> None:
    assert blank(blank(query)) == blank(query)
