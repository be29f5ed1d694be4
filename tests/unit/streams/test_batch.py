"""What is kept of records."""

from collections.abc import Sequence

import pytest

from streams.batch import Headers, Records, source_numbers
from tests.unit.streams.test_partition import LogRecord

OURS: Headers = [("src", b"77"), ("seq", b"12")]


def records(*headers: Headers) -> list[LogRecord]:
    return [LogRecord(5 + place, 100 * place, b"key", b"%d" % place, sent) for place, sent in enumerate(headers)]


def test_columns_are_those_of_the_records() -> None:
    kept = Records.of(records(OURS, OURS, ()))
    assert (len(kept), kept.offsets.tolist(), kept.appended.tolist()) == (3, [5, 6, 7], [0, 100, 200])
    assert kept.values == [b"0", b"1", b"2"]
    assert [kept.source(place) for place in range(3)] == [(77, 12), (77, 12), (0, 0)]


def test_a_part_is_one_of_its_own_and_what_is_dropped_is_gone() -> None:
    kept = Records.of(records(OURS, OURS, OURS))
    part = kept[1:]
    kept.drop(2)
    kept.extend(records(()))
    assert (kept.offsets.tolist(), kept.values) == ([7, 5], [b"2", b"0"])
    assert (part.offsets.tolist(), part.values, part.source(1)) == ([6, 7], [b"1", b"2"], (77, 12))


@pytest.mark.parametrize(
    "odd",
    [
        [],
        [("src", b"77")],
        [("seq", b"12"), ("src", b"77")],
        [("src", b"77"), ("seq", b"12"), ("trace", b"x")],
        [("src", b"x"), ("seq", b"-1")],
        [("src", b"9" * 30), ("seq", b"9" * 19)],
        [("src", b"%d" % (1 << 40)), ("seq", b"%d" % (1 << 34))],
        [("src", b" 77"), ("seq", b"")],
    ],
)
def test_a_record_with_other_headers_changes_nothing_for_those_beside_it(odd: Headers) -> None:
    alone, beside = source_numbers([odd]), source_numbers([OURS, odd, OURS])
    assert [list(numbers) for numbers in zip(*beside, strict=True)] == [
        [77, 12],
        [number[0] for number in alone],
        [77, 12],
    ]
    assert (alone[0][0], alone[1][0]) == wanted(dict(odd))


def wanted(named: dict[str, bytes]) -> Sequence[int]:
    """Slowly: a number of digits within its bits, else 0."""
    read = {name: int(text) for name, text in named.items() if text.isdigit()}
    src, seq = read.get("src", 0), read.get("seq", 0)
    return src if src < 1 << 40 else 0, seq if seq < 1 << 34 else 0
