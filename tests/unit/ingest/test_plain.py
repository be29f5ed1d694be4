"""A plain click is, byte for byte, what `answer`, `capture` and `encode` make of the same request."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.address import Address, read
from ingest.answer import answer
from ingest.capture import HINTS, Identity, Request, capture, text
from ingest.events import MAX_USER_AGENT, Kind, encode, partition_key
from ingest.links import Target, Variant
from ingest.passthrough import take_apart
from ingest.plain import click, is_plain
from ingest.replies import REDIRECT, Reply, redirection
from ingest.salts import Salt
from ingest.sequence import Stamp
from ingest.visitor import Ids

TS = 1_795_000_000_000
SALTS = [Salt("2026-11-22", Ids(bytes(range(32))), local, 0, 1 << 50) for local in (False, True)]
ADDRESSES = [found for name in ("203.0.113.77", "2001:db8::1", "10.0.0.0") if (found := read(name))]

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\"), max_size=40)
DESTINATIONS = st.one_of(
    st.builds("https://{}".format, PRINTABLE.map(lambda rest: rest or "x")),
    st.builds("https://shop.example/?{}&{}#{}".format, PRINTABLE, PRINTABLE, PRINTABLE),
    st.sampled_from(
        [
            "https://shop.example/?utm_source=a&gclid=secret&x=1",
            "https://shop.example/&gclid=secret/x?gad_source=1#&FBCLID=3",
            'https://shop.example/"quoted"?=1&&=2',
            "https://shop.example/?%75tm_source=1&utm+x=2#?a=b",
            "https://shop.example/?",
            "https://shop.example/" + "x" * 2000,
        ]
    ),
)
LINKS = st.builds(
    Target,
    id=st.sampled_from(["00000000000000ff", 'an "id" of somebody else']),
    destination=DESTINATIONS,
    version=st.integers(1, 0xFFFF_FFFF),
    status=st.sampled_from([301, 302, 307, 308]),
    passthrough=st.booleans(),
    starts_at=st.sampled_from([0, TS]),
    expires_at=st.sampled_from([0, TS + 1]),
    referrer_policy=st.sampled_from(["", "no-referrer"]),
    position=st.integers(0, 3),
    position_of=st.integers(0, 3),
    slot=st.sampled_from(["", "hero", "ü"]),
    trap=st.booleans(),
)
NAMES = st.sampled_from(
    [
        b"w_pos",
        b"w_of",
        b"w_slot",
        b"w_ch",
        b"w_msg",
        b"w_rcpt",
        b"w_sent",
        b"w_qr",
        b"w_",
        b"gclid",
        b"utm_source",
        b"x",
    ]
)
VALUES = st.one_of(st.binary(max_size=30), st.sampled_from([b"1", b"0", b"65536", b"4294967296", b"a%20b", b"9" * 99]))
QUERIES = st.one_of(
    st.lists(st.tuples(NAMES, VALUES), max_size=9).map(
        lambda pairs: b"&".join(name + b"=" + value for name, value in pairs)
    ),
    st.binary(max_size=60),
    st.sampled_from([b"utm_source=" + b"a" * 5000, b"&&", b'a="b"&c=\\']),
)
RAW = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"https://ref.example/a?fbclid=1", b"x" * 2000, b"\xed\xa0\x80", b'"\\/\x7f', b"\xe2\x80\xa8"]),
)
HEADERS = st.dictionaries(
    st.sampled_from([b"user-agent", b"referer", b"accept-language", b"accept", *HINTS]), RAW, max_size=8
)
PATHS = st.one_of(
    st.sampled_from([b"/spring", b"/a~b.c-d_e/f", b'/"', b"/" + b"x" * 3000]), st.binary(max_size=20).map(b"/".__add__)
)


@settings(max_examples=300, deadline=None)
@given(
    LINKS, PATHS, QUERIES, HEADERS, st.sampled_from(["go.example", ""]), st.sampled_from(ADDRESSES),
    st.sampled_from(SALTS), st.booleans(), st.integers(1, (1 << 40) - 1), st.integers(1, (1 << 34) - 1),
)  # fmt: skip
@example(
    Target(id="00", destination="https://a/?b=1", version=1), b"/spring",
    b"utm_source=x&w_pos=3&w_of=9&w_slot=hero+top&w_ch=email&w_msg=m-1&w_rcpt=r%2F1&w_sent=1795000000&w_qr=1",
    {b"user-agent": b"Firefox", b"referer": b"https://ref.example/a?b#c", b"sec-ch-ua-mobile": b"?0"},
    "go.example", ADDRESSES[0], SALTS[0], True, 5, 6,
)  # fmt: skip
def test_a_plain_click_is_what_capture_makes_of_it(  # noqa: PLR0917
    link: Target,
    path: bytes,
    query: bytes,
    headers: dict[bytes, bytes],
    domain: str,
    address: Address,
    salt: Salt,
    opted_out: bool,
    src: int,
    seq: int,
) -> None:
    assert is_plain(link, TS)
    user_agent = text(headers.get(b"user-agent", b""), MAX_USER_AGENT)
    request = Request(
        ts=TS, domain=domain, path=path, slug="", headers=headers, query=take_apart(query), address=address,
        user_agent=user_agent,
    )  # fmt: skip
    visitor = salt.ids.of(address, user_agent, domain)
    found = answer(link, TS, request.query.passed, visitor.visitor_id)
    expected = capture(request, link, found, Identity(visitor, salt.day, salt.local, opted_out), Stamp(src, seq))
    location, event, key, address_id = click(link, path, query, headers, domain, address, salt, opted_out, TS, src, seq)
    assert (found.kind, found.status, found.location) == (Kind.CLICK, link.status, location)
    assert event == encode(expected)
    assert (key, address_id.decode()) == (partition_key(expected), expected.address_id)
    policy = ((b"referrer-policy", link.referrer_policy.encode()),) if link.referrer_policy else ()
    reply = Reply(link.status, REDIRECT, ((b"location", location), *policy))
    assert redirection(link.status, b"date: x\r\n", location, link.referrer_policy) == reply.encode(
        b"date: x\r\n", with_body=True
    )


def test_what_is_not_plain() -> None:
    facts: dict[str, Any] = {"id": "00", "destination": "https://a/", "version": 1}
    assert is_plain(Target(**facts), TS)
    for other in (
        {"enabled": False},
        {"variants": (Variant(name="a", destination="https://b/"),)},
        {"starts_at": TS + 1},
        {"expires_at": TS},
        {"id": ""},
        {"version": 0},
        {"referrer_policy": "no-referrer\r\nx: y"},
    ):
        assert not is_plain(Target(**facts | other), TS), other
