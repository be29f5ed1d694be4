"""The raw click: its id, and which partition it goes to."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.events import SEQ_BITS, SRC_BITS, Kind, RawClick, click_id, decode, encode, partition_key


@given(st.integers(0, 2**48 - 1), st.integers(1, 2**SRC_BITS - 1), st.integers(1, 2**SEQ_BITS - 1))
def test_the_id_is_a_uuid_of_version_7_and_says_where_it_is_from(ts: int, src: int, seq: int) -> None:
    found = uuid.UUID(click_id(ts, src, seq))
    assert str(found) == click_id(ts, src, seq)
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    random = (found.int >> 64 & 0xFFF) << 62 | found.int & ((1 << 62) - 1)
    assert (found.int >> 80, random >> SEQ_BITS, random & ((1 << SEQ_BITS) - 1)) == (ts, src, seq)


@pytest.mark.parametrize(
    ("message", "recipient", "key"),
    [
        ("m1", "r1", b"m1\x1fr1"),
        ("m1", "", b"m1\x1f203.0.113.0/24"),
        ("", "r1", b"203.0.113.0/24\x1fgo.example"),
        ("", "", b"203.0.113.0/24\x1fgo.example"),
    ],
)
def test_what_is_to_be_seen_together_has_one_key(message: str, recipient: str, key: bytes) -> None:
    click = RawClick(
        kind=Kind.CLICK, src=1, seq=1, ts=1, domain="go.example", network="203.0.113.0/24", message=message,
        recipient=recipient,
    )  # fmt: skip
    assert partition_key(click) == key
    assert decode(encode(click)) == click
