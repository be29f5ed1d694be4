"""Which clicks of a batch were counted before."""

from ingest.events import Kind, RawClick
from streams.duplicates import duplicates, flagged
from tests.unit.streams.clicks import columns


def click(seq: int, *, resent: bool = False, src: int = 1) -> RawClick:
    return RawClick(kind=Kind.CLICK, src=src, seq=seq, ts=1, resent=resent)


def test_only_flagged_clicks_are_looked_up() -> None:
    assert flagged(columns(click(1), click(2, resent=True), click(3, resent=True, src=9))) == [(1, 2), (9, 3)]


def test_what_the_ledger_knows_is_a_duplicate() -> None:
    clicks = columns(click(1, resent=True), click(2, resent=True))
    assert duplicates(clicks, {(1, 2)}) == [1]


def test_the_first_of_a_batch_counts_whichever_is_flagged() -> None:
    assert duplicates(columns(click(1), click(1, resent=True)), ()) == [1]
    assert duplicates(columns(click(1, resent=True), click(1)), ()) == [1]
    assert duplicates(columns(click(1, resent=True), click(1, resent=True), click(1, resent=True)), ()) == [1, 2]


def test_a_batch_without_flags_is_left_alone() -> None:
    assert duplicates(columns(click(1), click(1)), {(1, 1)}) == []
