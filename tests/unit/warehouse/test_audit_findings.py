"""What the audit makes of numbers: the log on one side, the rows on the other."""

import pytest

from warehouse.audit.findings import Audit, Double, PartitionAudit, SourceAudit


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


def test_a_lost_number_of_a_source_does_not_add_up() -> None:
    assert Audit([partition()], [SourceAudit(1, 5, closed=True, stored=5)]).adds_up
    lost = Audit([partition()], [SourceAudit(1, 5, closed=True, stored=4)])
    assert lost.lost == 1
    assert not lost.adds_up


def test_while_records_are_behind_a_sources_number_may_be_among_them() -> None:
    assert Audit([partition(log_end=11)], [SourceAudit(1, 5, closed=False, stored=4)]).adds_up


def test_a_number_that_counts_twice_does_not_add_up() -> None:
    source = SourceAudit(1, 5, closed=True, stored=5, doubles=[Double(2, 4, 3, None)])
    assert source.doubled == 6
    assert not Audit([partition()], [source]).adds_up
