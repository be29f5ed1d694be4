"""The audit for programs."""

from datetime import UTC, datetime

import pytest

from warehouse.audit.findings import Audit, Double, Gap, HourAudit, PartitionAudit, SourceAudit
from warehouse.audit.report import METRICS, NAMED, PARTITION_METRICS, as_dict, as_metrics, as_text, latest

HOUR = 3600


def hour(at: int, *, partition: int = 0, missing: int = 0) -> HourAudit:
    return HourAudit(partition, at * HOUR, 0, 9, 10 - missing, missing, 0, {"human": 10 - missing})


FOUND = Audit(
    [PartitionAudit(3, 0, 20, 11, 10, 0, 11, {"human": 11}, [Gap(4, 5, HOUR)], [Double(7, 7, 2, None)], proven=2)],
    [SourceAudit(10, 9, closed=True, last=8, gaps=[Gap(9, 9, None)], heard=HOUR)],
    [hour(1, missing=2), *(hour(at) for at in range(2, 40))],
    since=datetime(2026, 11, 22, tzinfo=UTC),
    read=14,
)


def test_it_names_what_is_missing_and_doubled() -> None:
    said = as_dict(FOUND)
    [partition], [source] = said["partitions"], said["sources"]
    assert partition["gaps"] == [{"first": 4, "last": 5, "hour": "1970-01-01T01:00Z"}]
    assert partition["doubles"] == [{"first": 7, "last": 7, "rows": 2, "hour": None}]
    assert (partition["missing"], partition["doubled"], partition["behind"], partition["proven"]) == (2, 1, 8, 2)
    assert source == {
        "src": "000000000a", "mark": 9, "closed": True, "state": "closed", "last": 8, "heard": "1970-01-01T01:00Z",
        "missing": 1, "doubled": 0,
        "gaps": [{"first": 9, "last": 9, "hour": None}], "doubles": [],
    }  # fmt: skip
    assert (said["adds_up"], said["lost"], said["since"]) == (False, 1, "2026-11-22T00:00:00+00:00")


def test_it_does_not_name_without_end_but_counts_all() -> None:
    gaps = [Gap(2 * number, 2 * number, None) for number in range(NAMED + 50)]
    [partition] = as_dict(Audit([PartitionAudit(0, 0, 300, 150, 150, 0, 299, {}, gaps)], []))["partitions"]
    assert len(partition["gaps"]) == NAMED
    assert partition["missing"] == 150


def test_the_latest_hours_are_shown_and_those_with_something_wrong() -> None:
    assert [one.hour // HOUR for one in latest(FOUND.hours, 3)] == [1, 37, 38, 39]
    assert [one.hour // HOUR for one in latest(FOUND.hours, 0)] == [1]
    assert len(as_dict(FOUND)["hours"]) == 25


@pytest.mark.parametrize(("at", "text"), [(None, None), (1_795_348_800, "2026-11-22T12:00Z")])
def test_an_hour_as_text(at: int | None, text: str | None) -> None:
    assert as_text(at) == text


def test_every_number_is_a_gauge() -> None:
    lines = as_metrics(FOUND).splitlines()
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} == {
        f"weir_ledger_{name}" for name in PARTITION_METRICS.keys() | METRICS.keys()
    }
    assert 'weir_ledger_missing{partition="3"} 2.0' in lines
    assert "weir_ledger_adds_up 0.0" in lines
