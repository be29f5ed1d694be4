"""Which clicks came before."""

from collections.abc import Collection, Sequence
from itertools import accumulate, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.events import Kind, RawClick
from streams.duplicates import MEMORY_MS, ClickKey, Resent, flagged
from streams.windows.hold import Stretch
from tests.unit.streams.clicks import columns


def click(seq: int, *, resent: bool = False, src: int = 1) -> RawClick:
    return RawClick(kind=Kind.CLICK, src=src, seq=seq, ts=1, resent=resent)


def found(
    resent: Resent, *clicks: RawClick, known: Collection[ClickKey] = (), times: Sequence[int] | None = None
) -> list[int]:
    at = np.array([0] * len(clicks) if times is None else times, np.int64)
    return resent.duplicates(columns(*clicks), Stretch(at, at, at, at), known=known)


def test_only_flagged_clicks_are_looked_up() -> None:
    assert flagged(columns(click(1), click(2, resent=True), click(3, resent=True, src=9))) == [(1, 2), (9, 3)]


def test_what_the_ledger_knows_is_a_duplicate() -> None:
    assert found(Resent(), click(1, resent=True), click(2, resent=True), known={(1, 2)}) == [1]


def test_the_first_counts_whichever_is_flagged() -> None:
    assert found(Resent(), click(1), click(1, resent=True)) == [1]
    assert found(Resent(), click(1, resent=True), click(1)) == [1]
    assert found(Resent(), click(1, resent=True), click(1, resent=True), click(1, resent=True)) == [1, 2]


def test_clicks_that_are_not_flagged_are_compared_with_flagged_ones_alone() -> None:
    assert found(Resent(), click(1), click(1)) == []
    assert found(Resent(), click(1), click(1), click(2, resent=True)) == []


def test_an_original_after_its_copy_is_a_duplicate_as_long_as_it_is_remembered() -> None:
    for late, expected in ((MEMORY_MS, [0]), (MEMORY_MS + 1, [])):
        resent = Resent()
        assert found(resent, click(1, resent=True), times=[0]) == []
        assert found(resent, click(1), times=[late]) == expected


def test_only_so_many_are_remembered() -> None:
    resent = Resent(clicks=2)
    found(resent, *(click(seq, resent=True) for seq in (1, 2, 3)))
    assert len(resent) == 2
    assert found(resent, click(1), click(2), click(3)) == [1, 2]


@given(
    log=st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.integers(0, 40)), max_size=30),
    cuts=st.sets(st.integers(0, 30)),
    restarts=st.sets(st.integers(0, 30)),
)
def test_cuts_and_restarts_change_nothing(log: list[tuple[int, bool, int]], cuts: set[int], restarts: set[int]) -> None:
    """`known` and the restored ids are worked out from the log, as the ledger would."""
    clocks = list(accumulate((at for *_, at in log), max))
    expected = []
    for place, (seq, again, _) in enumerate(log):
        flags = [other for other in range(place) if log[other][1]][-3:]
        copies = [log[other][2] for other in flags if log[other][0] == seq]
        late = bool(copies) and clocks[place] - copies[-1] <= 20
        expected.append(late or (again and any(other[0] == seq for other in log[:place])))
    resent = Resent(millis=20, clicks=3)
    marked = [False] * len(log)
    bounds = sorted({0, len(log), *(place for place in cuts | restarts if place < len(log))})
    for first, end in pairwise(bounds):
        if first in restarts:
            resent = Resent(millis=20, clicks=3)
            flags = [place for place in range(first) if log[place][1]][-3:]
            resent.restore([(1, log[place][0]) for place in flags], [log[place][2] for place in flags])
        piece = columns(*(click(seq, resent=again) for seq, again, _ in log[first:end]))
        known = {(1, seq) for seq, *_ in log[:first]} & set(flagged(piece))
        at = np.array([at for *_, at in log[first:end]])
        for place in resent.duplicates(piece, Stretch(at, at, np.array(clocks[first:end]), at), known=known):
            marked[first + place] = True
    assert marked == expected
