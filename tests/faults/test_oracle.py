"""The oracle itself: it has nothing to say of what is right, and finds each thing that is wrong."""

import dataclasses
from collections import Counter
from typing import Any

import pytest

from tests.faults.oracle import FRESH_SECONDS, OPEN_FILES, REDIRECTOR_BYTES, WORKER_BYTES, Facts, Visit, misses
from tests.faults.stage import Damage
from warehouse.audit.findings import Audit, Gap, PartitionAudit, SourceAudit

PARTITION = PartitionAudit(
    0, log_first=0, log_end=5, rows=5, distinct=5, first=0, last=4, outcomes={"human": 4, "dead": 1}
)
SOURCE = SourceAudit(src=7, mark=4, closed=True, last=4)

RIGHT = Facts(
    promised={(7, 1): 0, (7, 2): 1, (7, 3): 0},
    rows={(7, 1): {"human": 1}, (7, 2): {"human": 1, "duplicate": 1}, (7, 3): {"suspect": 1}},
    visits=[
        Visit("a", 1, 5, 0, 0, False, 7, 1),
        Visit("a", 1, 5, 9_999, 9_999, True, 7, 2),
        Visit("a", 1, 6, 9_999, 9_999, False, 7, 3),
    ],
    uncertain={(7, 2)},
    unheard={(7, 5)},
    poison={(0, 4)},
    dead=Counter({(0, 4): 1}),
    letters=Counter({(0, 4): 1}),
    audit=Audit([PARTITION], [SOURCE]),
    damage={},
    ahead={},
    most_bytes=WORKER_BYTES,
    most_bytes_at_edge=REDIRECTOR_BYTES,
    most_files=OPEN_FILES,
    fresh_seconds=FRESH_SECONDS,
)


def audit(**changes: Any) -> Audit:
    return Audit([dataclasses.replace(PARTITION, **changes)], [SOURCE])


def source(**changes: Any) -> Audit:
    return Audit([PARTITION], [dataclasses.replace(SOURCE, **changes)])


def test_nothing_is_said_of_what_is_right() -> None:
    assert misses(RIGHT) == []


def test_a_copy_may_be_all_that_there_is_of_a_click_that_nobody_heard_of_again() -> None:
    assert misses(dataclasses.replace(RIGHT, rows={**RIGHT.rows, (7, 2): {"human": 1}})) == []


def test_what_was_taken_from_a_spool_has_to_be_named() -> None:
    named = dataclasses.replace(
        RIGHT,
        promised={(7, 1): 0},
        unheard={(7, 2), (7, 3)},
        rows={(7, 1): {"human": 1}, (7, 3): {"human": 1}},
        visits=[],
        damage={7: Damage({2, 3}, is_open=False)},
        audit=source(gaps=[Gap(2, 2, None)]),
    )
    assert misses(named) == []
    assert ["2 were" in miss or "1 were" in miss for miss in misses(dataclasses.replace(named, audit=source()))] == [
        True
    ]
    torn = {7: Damage((), is_open=True)}
    assert misses(dataclasses.replace(RIGHT, damage=torn, audit=source(closed=False))) == []
    assert len(misses(dataclasses.replace(RIGHT, damage=torn))) == 1
    assert "not named" in misses(dataclasses.replace(RIGHT, damage={9: Damage((), is_open=True)}))[0]


@pytest.mark.parametrize("rows", [{}, {"human": 1}, {"human": 1, "duplicate": 1}])
def test_a_click_that_nobody_heard_of_may_be_there_or_not(rows: dict[str, int]) -> None:
    assert misses(dataclasses.replace(RIGHT, rows={**RIGHT.rows, (7, 5): rows})) == []


def test_copies_that_nobody_counted_may_be_any_number() -> None:
    rows = {**RIGHT.rows, (7, 1): {"human": 1, "duplicate": 3}}
    assert misses(dataclasses.replace(RIGHT, promised={**RIGHT.promised, (7, 1): None}, rows=rows)) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rows": {**RIGHT.rows, (7, 3): {"bot": 1}}}, "acknowledged clicks are not counted"),
        ({"promised": {**RIGHT.promised, (7, 4): 0}}, "acknowledged clicks are not counted"),
        ({"rows": {**RIGHT.rows, (7, 1): {"human": 2}}}, "count more than once"),
        ({"rows": {**RIGHT.rows, (7, 1): {"human": 1, "suspect": 1}}}, "count more than once"),
        ({"rows": {**RIGHT.rows, (8, 1): {"human": 1}}}, "nobody sent"),
        ({"rows": {**RIGHT.rows, (7, 5): {"human": 2}}}, "count more than once"),
        ({"rows": {**RIGHT.rows, (7, 2): {"human": 1, "duplicate": 2}}}, "another number of duplicates"),
        ({"uncertain": (), "rows": {**RIGHT.rows, (7, 2): {"human": 1}}}, "another number of duplicates"),
        ({"rows": {**RIGHT.rows, (7, 1): {"human": 1, "duplicate": 1}}}, "another number of duplicates"),
        ({"audit": audit(rows=4, distinct=4)}, "1 missing"),
        ({"audit": audit(rows=6)}, "1 doubled"),
        ({"audit": audit(log_end=4)}, "1 beyond the log"),
        ({"audit": audit(log_end=6)}, "1 behind"),
        ({"audit": source(gaps=[Gap(2, 2, None)])}, "1 of its numbers are missing"),
        ({"audit": source(closed=False)}, "(open)"),
        ({"audit": source(last=6)}, "(torn)"),
        (
            {"visits": [Visit("a", 1, 5, 0, 0, False, 7, 1), Visit("a", 1, 5, 9_999, 9_999, False, 7, 2)]},
            "taken for repeats, or not",
        ),
        (
            {"visits": [Visit("a", 1, 5, 0, 0, False, 7, 1), Visit("a", 1, 5, 10_000, 10_000, True, 7, 2)]},
            "taken for repeats, or not",
        ),
        (
            {"visits": [Visit("a", 1, 5, 0, 0, False, 7, 1), Visit("b", 1, 5, 0, 0, True, 7, 2)]},
            "taken for repeats, or not",
        ),
        (
            {"visits": [Visit("a", 1, 5, 0, 0, False, 7, 1), Visit("a", 1, 5, 0, 3_600_000, True, 7, 2)]},
            "taken for repeats, or not",
        ),
        ({"dead": Counter()}, "without a row"),
        ({"dead": Counter({(0, 4): 2})}, "dead rows of nothing"),
        ({"letters": Counter()}, "without a letter"),
        ({"letters": Counter({(0, 4): 1, (0, 3): 1})}, "letters of nothing"),
        ({"ahead": {0: (9, 5)}}, "offset 9 was committed"),
        ({"most_bytes": WORKER_BYTES + 1}, "a worker had 400 MB of its own"),
        ({"most_bytes_at_edge": REDIRECTOR_BYTES + 1}, "a redirector had 200 MB of its own"),
        ({"most_files": OPEN_FILES + 1}, "301 open files"),
        ({"fresh_seconds": FRESH_SECONDS + 1}, "fresh click"),
    ],
)
def test_what_is_wrong_is_found(wrong: dict[str, Any], said: str) -> None:
    found = misses(dataclasses.replace(RIGHT, **wrong))
    assert len(found) == 1
    assert said in found[0]
