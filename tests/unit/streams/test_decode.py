"""Decoding: nothing that the log may hold raises, and what is no click says why."""

import dataclasses
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.events import Kind, RawClick, click_id, encode
from streams.batch import Records
from streams.decode import CHUNK, MAX_PAYLOAD, DeadReason, dead_letter, decode_letter, decode_records
from tests.unit.streams.clicks import columns


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
    decoded = decode_records(Records.of([LogRecord(value)]))
    assert decoded.dead[0].reason is reason
    assert detail in decoded.dead[0].detail
    assert decoded.dead[0].payload == (value or b"")[:MAX_PAYLOAD]
    assert len(decoded.columns["seq"]) == 1


def test_a_click_is_what_was_encoded() -> None:
    click = RawClick(kind=Kind.CLICK, src=5, seq=9, ts=1, id=click_id(1, 5, 9), link_id="00000000000000ff", qr=True)
    made = decode_records(Records.of([LogRecord(encode(click))])).columns
    assert {name: column[0] for name, column in made.items()} == {
        name: column[0] for name, column in columns(click).items() if name != "parameters"
    }


def test_a_batch_of_many_chunks_keeps_its_order() -> None:
    clicks = [RawClick(kind=Kind.CLICK, src=5, seq=1 + i, ts=1, path=f"/{i % 7}") for i in range(2 * CHUNK + 1)]
    records = [LogRecord(encode(click)) for click in clicks]
    records[CHUNK] = LogRecord(b"?")
    decoded = decode_records(Records.of(records))
    assert list(decoded.dead) == [CHUNK]
    assert [int(seq) for seq in decoded.columns["seq"]] == [0 if i == CHUNK else 1 + i for i in range(len(clicks))]
    assert list(decoded.columns["path"]) == ["" if i == CHUNK else f"/{i % 7}" for i in range(len(clicks))]


def test_dead_and_living_stay_aligned_with_their_records() -> None:
    click = RawClick(kind=Kind.CLICK, src=5, seq=9, ts=1)
    decoded = decode_records(Records.of([LogRecord(b"?"), LogRecord(encode(click)), LogRecord(None)]))
    assert set(decoded.dead) == {0, 2}
    assert decoded.columns["src"][1] == 5


def test_the_headers_tell_whose_number_a_dead_record_was() -> None:
    decoded = decode_records(Records.of([LogRecord(b"?", headers=[("src", b"77"), ("seq", b"12")])]))
    assert (decoded.columns["src"][0], decoded.columns["seq"][0]) == (77, 12)


@pytest.mark.parametrize("header", [b"", b"-1", b"x", b"9" * 40, b"1e3", "٣".encode()])
def test_headers_that_are_no_numbers_are_no_numbers(header: bytes) -> None:
    decoded = decode_records(Records.of([LogRecord(b"?", headers=[("src", header), ("seq", header)])]))
    assert (decoded.columns["src"][0], decoded.columns["seq"][0]) == (0, 0)


@given(st.binary(max_size=200))
def test_no_bytes_raise(value: bytes) -> None:
    decoded = decode_records(Records.of([LogRecord(value)]))
    assert len(decoded.columns["seq"]) == 1


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b'{"ip":"203.0.113.77","ts":1790000000000}', b'{"ip":"203.0.113.0","ts":1790000000000}'),
        (b'{"ip":"2001:db8:aa:bb::7"}', b'{"ip":"2001:db8:aa::"}'),
        (b"\xff\x00 198.51.100.9:443", b"\xff\x00 198.51.100.0:443"),
    ],
)
def test_no_full_address_is_in_a_letter(value: bytes, kept: bytes) -> None:
    letter = dead_letter(value, DeadReason.NOT_JSON, "in 203.0.113.77")
    assert (letter.payload, letter.detail) == (kept, "in 203.0.113.0")


def test_a_letter_that_can_be_read_is_its_click_sent_again() -> None:
    click = RawClick(kind=Kind.CLICK, src=5, seq=9, ts=1, network="192.0.2.0/24", link_id="00000000000000ff")
    read = decode_letter(dead_letter(encode(click), DeadReason.UNSTORABLE, "").payload)
    assert read == msgspec.structs.replace(click, resent=True)
    with pytest.raises(ValueError, match="hexadecimal"):
        decode_letter(MINIMAL + b',"link_id":"not a hex number"}')
