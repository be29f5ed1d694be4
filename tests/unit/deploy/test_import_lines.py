"""Reading logs: line ends, chunks, compression, damage."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.imports.combined import MAX_LINE
from deploy.imports.lines import Log, lines


def chunked(content: bytes, size: int) -> list[bytes]:
    return list(lines(content[start : start + size] for start in range(0, len(content), size)))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"\n\na\n", [b"", b"", b"a"]),
        (b"a\rb\n", [b"a\rb"]),
    ],
)
def test_line_ends(content: bytes, expected: list[bytes]) -> None:
    assert chunked(content, 1024) == expected


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"bc"])).map(b"".join), st.integers(1, 5))
def test_chunks_make_no_difference(content: bytes, size: int) -> None:
    assert chunked(content, size) == chunked(content, 1024)


@pytest.mark.parametrize("size", [1000, MAX_LINE, MAX_LINE * 8])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_long_line_is_cut_and_the_next_one_is_whole(size: int, end: bytes) -> None:
    assert chunked(b"x" * MAX_LINE * 3 + end + b"next" + end, size) == [b"x" * (MAX_LINE + 1), b"next"]


@pytest.mark.parametrize("size", [1000, MAX_LINE * 8])
def test_the_longest_line_is_whole(size: int) -> None:
    assert chunked(b"x" * MAX_LINE + b"\r\nnext", size) == [b"x" * MAX_LINE, b"next"]


def test_compression_is_told_from_the_content(tmp_path: Path) -> None:
    content = b"one\ntwo\n" * 1000
    (tmp_path / "plain.gz").write_bytes(content)
    (tmp_path / "packed").write_bytes(gzip.compress(content[:4000]) + gzip.compress(content[4000:]))
    assert list(Log(tmp_path / "plain.gz")) == list(Log(tmp_path / "packed")) == [b"one", b"two"] * 1000


@pytest.mark.parametrize("damage", ["cut", "spoilt"])
def test_a_damaged_end_is_told_and_what_came_before_is_read(tmp_path: Path, damage: str) -> None:
    packed = gzip.compress(b"".join(b"line %d\n" % number for number in range(400_000)))
    middle = len(packed) // 2
    broken = packed[:middle] if damage == "cut" else packed[:middle] + b"\xff" * 1000 + packed[middle + 1000 :]
    (tmp_path / "log.gz").write_bytes(broken)
    log = Log(tmp_path / "log.gz")
    read = list(log)
    assert read[:2] == [b"line 0", b"line 1"]
    assert 1000 < len(read) < 400_000
    assert "log.gz can't be read to its end" in log.broken


def test_progress_is_told_in_bytes_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"line\n" * 1_000_000))
    told: list[int] = []
    assert sum(1 for _ in Log(path).read(told.append)) == 1_000_000
    assert told == sorted(told)
    assert told[-1] <= path.stat().st_size
