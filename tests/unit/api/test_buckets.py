from datetime import UTC, datetime
from typing import Any

import pytest

from api.errors import BadRequest, TooExpensive
from api.query.buckets import filled
from api.query.parse import Question, parse

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def question(*dimensions: str, **more: Any) -> Question:
    body = {
        "metrics": ["clicks", "share", "clicks_per_visitor"],
        "dimensions": dimensions,
        "date_range": ["2026-11-01", "2026-11-03"],
        "include": {"empty_buckets": True},
        **more,
    }
    return parse(body, now=NOW, zone="America/New_York", within=())


def row(*dimensions: str, clicks: int = 1) -> dict[str, Any]:
    return {"dimensions": [*dimensions], "metrics": [clicks, 50.0, 1.0]}


def test_every_day_has_a_row_in_the_order_asked_for() -> None:
    found = filled(question("time:day"), [row("2026-11-02")])
    assert found == [
        {"dimensions": ["2026-11-01"], "metrics": [0, 0, None]},
        row("2026-11-02"),
        {"dimensions": ["2026-11-03"], "metrics": [0, 0, None]},
    ]
    downwards = filled(question("time:day", order_by=[["clicks", "desc"], ["time:day", "desc"]]), [row("2026-11-02")])
    assert [part["dimensions"] for part in downwards] == [["2026-11-02"], ["2026-11-03"], ["2026-11-01"]]


def test_an_answer_without_rows_has_all_its_buckets_and_no_share() -> None:
    assert [part["metrics"] for part in filled(question("time:day"), [])] == [[0, None, None]] * 3
    assert filled(question("channel", "time:day"), []) == []


def test_each_group_that_occurs_has_every_bucket() -> None:
    found = filled(question("channel", "time:day"), [row("Email", "2026-11-01"), row("SMS", "2026-11-03", clicks=5)])
    assert [part["dimensions"] for part in found] == [
        [channel, day]
        for day, channels in (("2026-11-01", "Email SMS"), ("2026-11-02", "Email SMS"), ("2026-11-03", "SMS Email"))
        for channel in channels.split()
    ]


def test_hours_that_come_twice_are_in_the_order_of_time() -> None:
    zurich = question("time:hour", date_range=["2026-10-25", "2026-10-25"], time_zone="Europe/Zurich")
    labels = [part["dimensions"][0] for part in filled(zurich, [])]
    assert labels[2:4] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
    assert len(labels) == 25


def test_what_is_unknown_comes_last_upwards_and_downwards() -> None:
    for direction in ("asc", "desc"):
        asked = question("time:day", order_by=[["clicks_per_visitor", direction]])
        assert filled(asked, [row("2026-11-03")])[0] == row("2026-11-03")


def test_too_many_rows_are_refused() -> None:
    rows = [row(str(number), "2026-11-01") for number in range(3334)]
    with pytest.raises(TooExpensive):
        filled(question("city", "time:day"), rows)
    with pytest.raises(BadRequest) as refused:
        filled(question("time:minute", date_range="30d"), [])
    assert refused.value.field == "include.empty_buckets"


@pytest.mark.parametrize("dimensions", [[], ["channel"], ["time:day", "time:hour"]])
def test_only_one_time_dimension_can_be_filled(dimensions: list[str]) -> None:
    with pytest.raises(BadRequest) as refused:
        question(*dimensions)
    assert refused.value.field == "include.empty_buckets"
