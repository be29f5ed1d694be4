"""Decoding: nothing that the log may hold raises, and what is no click says why."""

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.events import Kind, RawClick, click_id, encode
from streams.decode import MAX_PAYLOAD, DeadReason, decode_records, salt_day_number


@dataclasses.dataclass
class LogRecord:
    value: bytes | None
    offset: int = 7
    timestamp: int = 1_763_800_000_000
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


MINIMAL = b'{"kind":"click","src":1,"seq":1,"ts":1'

DEAD = [
    (None, DeadReason.EMPTY, "no value"),
    (b"", DeadReason.EMPTY, "no value"),
    (b"{", DeadReason.NOT_JSON, "truncated"),
    (b"\xff\xfe\x00", DeadReason.NOT_JSON, "malformed"),
    (MINIMAL + b',"domain":"\xff"}', DeadReason.NOT_JSON, "utf-8"),
    (b"null", DeadReason.INVALID, "Expected `object`"),
    (b"[]", DeadReason.INVALID, "Expected `object`"),
    (b'{"kind":"click"}', DeadReason.INVALID, "`src`"),
    (MINIMAL.replace(b"click", b"tap") + b"}", DeadReason.INVALID, "$.kind"),
    (MINIMAL + b',"position":65536}', DeadReason.INVALID, "$.position"),
    (MINIMAL + b',"v":2}', DeadReason.INVALID, "$.v"),
    (MINIMAL + b',"link_id":"not a hex number"}', DeadReason.INVALID, "fromhex"),
    (MINIMAL + b',"link_id":"00 00 00 00 00 0"}', DeadReason.INVALID, "hexadecimal"),
    (MINIMAL + b',"link_id":"00","visitor_id":"00000000000000"}', DeadReason.INVALID, "16 hexadecimal digits long"),
    (MINIMAL + b',"salt_day":"2026-02-30"}', DeadReason.INVALID, "day"),
    (MINIMAL.replace(b'"seq":1', b'"seq":0') + b"}", DeadReason.INVALID, "$.seq"),
    (b"x" * 1_000_000, DeadReason.NOT_JSON, "malformed"),
]


@pytest.mark.parametrize(("value", "reason", "detail"), DEAD)
def test_what_is_no_click_is_kept_aside_with_its_reason(value: bytes | None, reason: DeadReason, detail: str) -> None:
    decoded = decode_records([LogRecord(value)])
    assert decoded.dead[0].reason is reason
    assert detail in decoded.dead[0].detail
    assert decoded.dead[0].payload == (value or b"")[:MAX_PAYLOAD]
    assert len(decoded.clicks) == 1


def test_a_click_is_what_was_encoded() -> None:
    click = RawClick(kind=Kind.CLICK, src=5, seq=9, ts=1, id=click_id(1, 5, 9), link_id="00000000000000ff", qr=True)
    assert decode_records([LogRecord(encode(click))]).clicks == [click]


def test_dead_and_living_stay_aligned_with_their_records() -> None:
    click = RawClick(kind=Kind.CLICK, src=5, seq=9, ts=1)
    decoded = decode_records([LogRecord(b"?"), LogRecord(encode(click)), LogRecord(None)])
    assert set(decoded.dead) == {0, 2}
    assert decoded.clicks[1] == click


def test_the_headers_tell_whose_number_a_dead_record_was() -> None:
    decoded = decode_records([LogRecord(b"?", headers=[("src", b"77"), ("seq", b"12")])])
    assert (decoded.clicks[0].src, decoded.clicks[0].seq) == (77, 12)


@pytest.mark.parametrize("header", [b"", b"-1", b"x", b"9" * 40, b"1e3", "٣".encode()])
def test_headers_that_are_no_numbers_are_no_numbers(header: bytes) -> None:
    decoded = decode_records([LogRecord(b"?", headers=[("src", header), ("seq", header)])])
    assert (decoded.clicks[0].src, decoded.clicks[0].seq) == (0, 0)


@given(st.binary(max_size=200))
def test_no_bytes_raise(value: bytes) -> None:
    decoded = decode_records([LogRecord(value)])
    assert len(decoded.clicks) == 1


def test_days_are_counted_from_1970() -> None:
    assert salt_day_number("") == 0
    assert salt_day_number("1970-01-02") == 1
    with pytest.raises(ValueError, match="Invalid isoformat"):
        salt_day_number("yesterday")
