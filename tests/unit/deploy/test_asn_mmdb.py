import ipaddress
from itertools import pairwise
from pathlib import Path

import maxminddb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.asn_mmdb import Range, merged, read_ranges, record, write_database
from streams.enrich.mmdb import System, open_database

IPV6 = int(ipaddress.ip_address("2001:db8::"))


@st.composite
def sorted_ranges(draw: st.DrawFn) -> list[Range]:
    """Ranges with gaps and without, of a few systems, in IPv4 and in IPv6."""
    found, at = [], 0
    for base in (draw(st.integers(1, 1 << 31)), IPV6):
        at = base
        for gap, length in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 1000)), min_size=1, max_size=20)):
            number = draw(st.integers(1, 3))
            found.append(Range(at + gap, at + gap + length - 1, number, f"AS {number}"))
            at += gap + length
    return found


def address(number: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.IPv4Address(number) if number < 1 << 32 else ipaddress.IPv6Address(number)


@settings(deadline=None)
@given(sorted_ranges())
def test_every_address_has_its_system(tmp_path_factory: pytest.TempPathFactory, ranges: list[Range]) -> None:
    file = tmp_path_factory.mktemp("asn") / "asn.mmdb"
    write_database(merged(ranges), file, lambda _: None)
    with maxminddb.open_database(file) as database:
        for item in ranges:
            for number in (item.first, (item.first + item.last) // 2, item.last):
                assert database.get(address(number)) == record(item)
        for before, after in pairwise(ranges):
            if before.last + 1 < after.first < 1 << 32:
                assert database.get(address(before.last + 1)) is None


def test_the_stream_reads_it(tmp_path: Path) -> None:
    (tmp_path / "ranges.csv").write_text(
        '16777216,16777471,13335,"Cloudflare, Inc."\n16778240,16779263,38803,Gtelecom\n'
    )
    told: list[int] = []
    write_database(merged(read_ranges(tmp_path / "ranges.csv")), tmp_path / "asn.mmdb", told.append)
    assert open_database(tmp_path / "asn.mmdb").ask("1.0.0.0") == System(13335, "Cloudflare, Inc.")


def test_neighbours_of_one_system_are_one_range() -> None:
    assert merged([Range(1, 2, 7, "a"), Range(3, 4, 7, "a"), Range(5, 6, 8, "b"), Range(9, 9, 8, "b")]) == [
        Range(1, 4, 7, "a"),
        Range(5, 6, 8, "b"),
        Range(9, 9, 8, "b"),
    ]


def test_a_range_ends_where_the_next_begins() -> None:
    assert merged([Range(1, 9, 7, "a"), Range(5, 12, 8, "b")]) == [Range(1, 4, 7, "a"), Range(5, 12, 8, "b")]


def test_ranges_that_are_not_sorted_are_refused() -> None:
    with pytest.raises(ValueError, match="not sorted"):
        merged([Range(5, 6, 7, "a"), Range(1, 2, 7, "a")])


@pytest.mark.parametrize("line", ["1,2,3", "a,2,3,x", "1,2,AS3,x"])
def test_a_line_that_is_no_range_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "ranges.csv").write_text(line + "\n")
    with pytest.raises(ValueError, match=r".+"):
        list(read_ranges(tmp_path / "ranges.csv"))


def test_nothing_to_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no range"):
        write_database([], tmp_path / "asn.mmdb", lambda _: None)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    ranges = [Range(i * 2, i * 2, i, str(i)) for i in range(1, 10_001)]
    write_database(ranges, tmp_path / "asn.mmdb", told.append)
    assert told == sorted(told)
    assert len(told) >= 2
