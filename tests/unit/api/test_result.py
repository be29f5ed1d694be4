import json
from datetime import UTC, date, datetime
from typing import Any

from api.query.execute import Executed
from api.query.parse import Question, parse
from api.query.plan import plan
from api.query.result import result, shown
from api.query.rollups import Rollups
from api.query.run import Rows

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
LEFT_OUT = ("bots", "prefetches", "repeats", "duplicates", "orphans", "expired", "disabled")


def question(**asked: Any) -> Question:
    body = {"metrics": ["clicks"], "date_range": ["2026-11-01", "2026-11-01"], **asked}
    return parse(body, now=NOW, zone="America/New_York", within=())


def rows(*values: tuple[Any, ...], dimensions: int = 1, metrics: int = 1, totals: int = 0) -> Rows:
    columns = [f"d{index}" for index in range(dimensions)] + [f"m{index}" for index in range(metrics)]
    columns += ["kept", "total_rows", *(f"left_out_{name}" for name in LEFT_OUT)]
    columns += [f"t{index}" for index in range(totals)]
    return Rows(columns, values, rows_read=7, seconds=0.0123)


NOTHING_LEFT_OUT = (0,) * len(LEFT_OUT)


def answered(asked: Question, found: Rows) -> dict[str, Any]:
    executed = Executed(plan(asked, Rollups()), found)
    answer = result(asked, executed, shown(asked, found), home_zone="America/New_York")
    json.dumps(answer)  # everything in it is JSON
    return answer


def test_rows_are_shown_as_dimensions_and_metrics() -> None:
    answer = answered(question(dimensions=["channel"]), rows(("Email", 3, 1, 1, 5, *NOTHING_LEFT_OUT[1:])))
    assert answer["results"] == [{"dimensions": ["Email"], "metrics": [3]}]
    assert answer["meta"]["rows_read"] == 7
    assert answer["meta"]["elapsed_ms"] == 12.3
    assert answer["meta"]["left_out"] == dict(zip(LEFT_OUT, (5, 0, 0, 0, 0, 0, 0), strict=True))


def test_a_row_that_only_carries_totals_is_not_shown() -> None:
    asked = question(dimensions=["channel"], include={"total_rows": True, "totals": True})
    answer = answered(asked, rows(("Email", 0, 0, 0, 5, *NOTHING_LEFT_OUT[1:], 0), totals=1))
    assert answer["results"] == []
    assert answer["meta"]["left_out"]["bots"] == 5
    assert answer["meta"]["total_rows"] == 0
    assert answer["meta"]["totals"] == [0]


def test_an_answer_without_any_row_has_all_its_parts() -> None:
    asked = question(metrics=["clicks", "share"], dimensions=["channel"], include={"total_rows": True, "totals": True})
    meta = answered(asked, rows(metrics=2, totals=2))["meta"]
    assert meta["left_out"] == dict.fromkeys(LEFT_OUT, 0)
    assert meta["totals"] == [0, None]
    assert meta["percentages_of"] == {"share": "clicks"}


def test_values_are_shown_by_what_they_are() -> None:
    values = (date(2026, 11, 1), 1793509200, 1793512800, 255, 7, "x")
    asked = question(dimensions=["time:day", "time:hour", "time:minute", "link", "position", "city"])
    answer = answered(asked, rows((*values, 1, 1, 1, *NOTHING_LEFT_OUT), dimensions=6))
    shown = ["2026-11-01", "2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00", "00000000000000ff", 7, "x"]
    assert answer["results"][0]["dimensions"] == shown


def test_the_echo_gives_the_same_answer_when_it_is_asked() -> None:
    asked = question(
        dimensions=["channel"],
        filters=[
            [
                "or",
                [["is", "slot", ["a"]], ["exists_not", "city"], ["contains", "path", ["b"], {"case_sensitive": False}]],
            ]
        ],
        pagination={"limit": 3},
    )
    echo = answered(asked, rows())["query"]
    assert echo["date_range"] == ["2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"]
    assert echo["date_range_utc"] == ["2026-11-01T04:00:00+00:00", "2026-11-02T05:00:00+00:00"]
    again = parse(
        {name: value for name, value in echo.items() if name != "date_range_utc"}, now=NOW, zone="UTC", within=()
    )
    assert again.span == asked.span
    assert again.conditions == asked.conditions
    assert again.order == asked.order
    assert again.asked.pagination == asked.asked.pagination


def test_time_labels_are_those_of_the_time_dimension() -> None:
    asked = question(dimensions=["channel", "time:hour"], include={"time_labels": True})
    assert len(answered(asked, rows(dimensions=2))["meta"]["time_labels"]) == 25
    assert answered(question(include={"time_labels": True}), rows(dimensions=0))["meta"]["time_labels"] == []


def warned(**asked: Any) -> set[str]:
    return {warning["code"] for warning in answered(question(**asked), rows(dimensions=0))["meta"]["warnings"]}


def test_visitors_are_answered_with_what_they_are() -> None:
    assert warned() == set()
    assert warned(metrics=["visitors"], exact=True) == set()  # a day of 25 hours is one day
    assert warned(metrics=["visitors"]) == {"visitors_approximate"}
    assert warned(metrics=["visitors"], exact=True, date_range="7d") == {"visitor_days"}
    assert warned(metrics=["clicks_per_visitor"], exact=True, time_zone="UTC") == {"visitor_zone"}
