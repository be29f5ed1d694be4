"""Ids of lines: the same again for a log that was imported before, whatever became of the file; others for others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.imports.identity import LineIds
from ingest.events import SRC_BITS
from ingest.sequence import Stamp

LINES = st.lists(st.binary(max_size=8).map(lambda line: line.replace(b"\n", b"")), max_size=40)


def stamps(lines: list[bytes], domain: str = "a.example", source: str = "") -> list[Stamp]:
    ids = LineIds(domain, source)
    made = []
    for line in lines:
        ids.next(line)
        made.append(ids.stamp)
    return made


@given(LINES, LINES)
def test_a_log_that_has_grown_keeps_the_ids_of_its_old_lines(old: list[bytes], new: list[bytes]) -> None:
    assert stamps(old + new)[: len(old)] == stamps(old)


@given(LINES)
def test_numbers_are_the_lines_and_sources_fit(lines: list[bytes]) -> None:
    made = stamps(lines)
    assert [stamp.seq for stamp in made] == list(range(1, len(lines) + 1))
    assert all(0 < stamp.src < 1 << SRC_BITS for stamp in made)


def test_a_long_log_has_few_sources() -> None:
    assert len({stamp.src for stamp in stamps([b"x"] * 100_000)}) < 800


@pytest.mark.parametrize(("common", "shared"), [(0, 0), (1, 1), (5, 5), (127, 127), (128, 129), (1000, 1007)])
def test_logs_that_part_have_no_more_ids_in_common(common: int, shared: int) -> None:
    beginning = [b"health check"] * common
    one, other = stamps([*beginning, *[b"one"] * 2000]), stamps([*beginning, *[b"other"] * 2000])
    assert one[:shared] == other[:shared]
    assert not set(one[shared:]) & set(other[shared:])


def test_another_domain_or_server_is_another_log() -> None:
    lines = [b"x"] * 9
    assert not set(stamps(lines)) & set(stamps(lines, domain="b.example"))
    assert not set(stamps(lines)) & set(stamps(lines, source="web-2"))
