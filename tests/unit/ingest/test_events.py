"""The raw click: which partition it goes to, and what is told by one that can't be decoded."""

import pytest

from ingest.events import SEQ_BITS, SRC_BITS, Kind, RawClick, encode, partition_of, told_numbers


def test_a_key_s_partition_is_the_one_that_the_producer_would_choose() -> None:
    # CRC-32's check value, of the catalogue of parametrised CRC algorithms.
    assert partition_of(b"123456789", 1 << 32) == 0xCBF43926
    assert {partition_of(b"10.0.%d.0/24" % number, 4) for number in range(100)} == {0, 1, 2, 3}


@pytest.mark.parametrize("kind", list(Kind))
def test_an_event_tells_its_numbers_before_anything_else(kind: Kind) -> None:
    event = RawClick(kind=kind, src=(1 << SRC_BITS) - 1, seq=(1 << SEQ_BITS) - 1, ts=1, user_agent="x" * 500)
    for length in (80, 100, 400):
        assert told_numbers(encode(event)[:length]) == (event.src, event.seq)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"nonsense",
        b'{"kind":"click","src":1}',
        b'{"kind":"click","src":9999999999999,"seq":1}',
        b'{"kind":"click","src":1,"seq":99999999999}',
        b'[{"kind":"click","src":1,"seq":1}]',
    ],
)
def test_what_tells_none_has_none(value: bytes | None) -> None:
    assert told_numbers(value) == (0, 0)


def test_a_later_version_tells_them_too() -> None:
    assert told_numbers(b'{"v":2,"kind":"click","src":7,"seq":8,"new":') == (7, 8)
