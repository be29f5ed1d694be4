"""What the audit makes of numbers: the log on one side, the rows on the other."""

from datetime import UTC, datetime

import pytest

from warehouse.audit.findings import SILENT_SECONDS, Audit, Double, Gap, PartitionAudit, SourceAudit, State

NOW = 1_795_348_800


def partition(**given: object) -> PartitionAudit:
    numbers = {"partition": 0, "log_first": 0, "log_end": 10, "rows": 10, "distinct": 10, "first": 0, "last": 9}
    return PartitionAudit(**({**numbers, "outcomes": {"human": 10}} | given))  # type: ignore[arg-type]  # a table of numbers


@pytest.mark.parametrize(
    ("given", "missing", "doubled", "behind", "adds_up"),
    [
        ({}, 0, 0, 0, True),
        ({"rows": 0, "distinct": 0, "first": 0, "last": -1, "outcomes": {}}, 0, 0, 10, True),
        ({"log_end": 15}, 0, 0, 5, True),
        ({"rows": 9, "distinct": 9, "outcomes": {"human": 9}}, 1, 0, 0, False),
        ({"rows": 11, "outcomes": {"human": 11}}, 0, 1, 0, False),
        ({"rows": 10, "distinct": 9}, 1, 1, 0, False),  # a gap and a double hide each other in the count alone
        ({"outcomes": {"human": 9}}, 0, 0, 0, False),
        ({"log_end": 5}, 0, 0, -5, False),
        ({"log_first": 4, "log_end": 10}, 0, 0, 0, True),  # the log let go of what is stored
        ({"first": 2, "rows": 8, "distinct": 8, "outcomes": {"human": 8}}, 2, 0, 0, False),
        ({"log_first": 2, "first": 2, "rows": 8, "distinct": 8, "outcomes": {"human": 8}}, 0, 0, 0, True),
    ],
)
def test_a_partition(given: dict[str, object], missing: int, doubled: int, behind: int, adds_up: bool) -> None:
    found = partition(**given)
    assert (found.missing, found.doubled, found.behind, found.adds_up) == (missing, doubled, behind, adds_up)


def source(**given: object) -> SourceAudit:
    return SourceAudit(**({"src": 1, "mark": 5, "closed": True, "last": 5} | given))  # type: ignore[arg-type]  # as above


def test_a_lost_number_of_a_source_does_not_add_up() -> None:
    assert Audit([partition()], [source()]).adds_up
    lost = Audit([partition()], [source(gaps=[Gap(2, 3, None)])])
    assert lost.lost == 2
    assert not lost.adds_up


def test_while_records_are_behind_a_sources_number_may_be_among_them() -> None:
    assert Audit([partition(log_end=11)], [source(closed=False, gaps=[Gap(2, 2, None)])]).adds_up


def test_a_number_that_counts_twice_does_not_add_up() -> None:
    again = source(doubles=[Double(2, 4, 3, None)])
    assert again.doubled == 6
    assert not Audit([partition()], [again]).adds_up


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, State.CLOSED),
        ({"last": 4, "gaps": [Gap(5, 5, None)]}, State.CLOSED),
        ({"closed": False}, State.OPEN),
        ({"closed": False, "last": 9}, State.OPEN),
        ({"last": 6}, State.TORN),
    ],
)
def test_how_many_numbers_a_source_gave_out_is_known_only_if_its_close_names_the_last(
    given: dict[str, object], state: State
) -> None:
    found = Audit([partition()], [source(**given)])
    assert found.sources[0].state is state
    assert found.adds_up == (not found.lost)  # not proven is not the same as wrong
    assert (found.sources[0] in found.unproven) == (state is not State.CLOSED)


@pytest.mark.parametrize(
    ("given", "silent"),
    [
        ({"closed": False, "heard": NOW - SILENT_SECONDS}, False),
        ({"closed": False, "heard": NOW - SILENT_SECONDS - 1}, True),
        ({"closed": False, "heard": None}, True),
        ({"closed": True, "heard": None}, False),
    ],
)
def test_an_open_source_that_says_nothing_is_silent(given: dict[str, object], silent: bool) -> None:
    found = Audit([partition()], [source(**given)], taken_at=datetime.fromtimestamp(NOW, UTC))
    assert bool(found.silent) == silent
