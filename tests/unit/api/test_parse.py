from datetime import UTC, datetime
from typing import Any

import pytest

from api.errors import BadRequest
from api.query.conditions import Junction, Not, Test
from api.query.parse import Question, parse

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
GOOD: dict[str, Any] = {"metrics": ["clicks"], "date_range": "7d"}


def asked(**more: Any) -> Question:
    return parse({**GOOD, **more}, now=NOW, zone="Europe/Zurich", within=())


def nested(depth: int) -> list[Any]:
    return ["exists", "slot"] if depth == 0 else ["not", nested(depth - 1)]


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"metrics": []}, "metrics", "at least 1"),
        ({"metrics": ["click"]}, "metrics[0]", "Did you mean `clicks`?"),
        ({"metrics": ["clicks", "bots", "clicks"]}, "metrics[2]", "twice"),
        ({"metrics": "clicks"}, "metrics", "list"),
        ({"dimensions": ["channel", "contry"]}, "dimensions[1]", "Did you mean `country`?"),
        ({"dimensions": ["channel); DROP TABLE events"]}, "dimensions[0]", "No dimension"),
        ({"date_range": 7}, "date_range", "Presets are"),
        ({"date_range": ["2026-01-01"]}, "date_range", "Presets are"),
        ({"date_range": None}, "date_range", "Presets are"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "No time zone"),
        ({"filter": []}, "filter", "Did you mean `filters`?"),
        ({"filters": ["is", "channel", ["Email"]]}, "filters[0]", "no filter"),
        ({"filters": [["equals", "channel", ["Email"]]]}, "filters[0][0]", "'is'"),
        ({"filters": [["is", "chanel", ["Email"]]]}, "filters[0][1]", "Did you mean `channel`?"),
        ({"filters": [["is", "time:day", ["2026-11-01"]]]}, "filters[0][1]", "date_range"),
        ({"filters": [["is", "channel", []]]}, "filters[0][2]", "at least 1"),
        ({"filters": [["is", "channel", "Email"]]}, "filters[0][2]", "list"),
        ({"filters": [["is", "channel", [1]]]}, "filters[0][2][0]", "text"),
        ({"filters": [["is", "channel", [True]]]}, "filters[0][2][0]", "string"),
        ({"filters": [["is", "channel", ["Email"], {"case": 1}]]}, "filters[0][3].case", "no such field"),
        ({"filters": [["is", "channel", ["a\0"]]]}, "filters[0][2][0]", "character"),
        ({"filters": [["is", "position", ["first"]]]}, "filters[0][2][0]", "whole number"),
        ({"filters": [["is", "position", [-1]]]}, "filters[0][2][0]", "whole number"),
        ({"filters": [["is", "position", [1 << 64]]]}, "filters[0][2][0]", "whole number"),
        ({"filters": [["contains", "position", ["1"]]]}, "filters[0][0]", "whole number"),
        ({"filters": [["is", "link", ["sale"]]]}, "filters[0][2][0]", "16 hexadecimal digits"),
        ({"filters": [["is", "device", ["mobile", "moblie"]]]}, "filters[0][2][1]", "Did you mean `mobile`?"),
        ({"filters": [["matches", "channel", ["ok", "(?=x)"]]]}, "filters[0][2][1]", "RE2"),
        (
            {"filters": [["or", [["is", "slot", ["a"]], ["not", ["iz", "slot", ["a"]]]]]]},
            "filters[0][1][1][1][0]",
            "'is'",
        ),
        ({"filters": [["or", []]]}, "filters[0][1]", "at least 1"),
        ({"filters": [nested(17)]}, "filters[0]" + "[1]" * 16, "nested"),
        ({"filters": [["or", [["exists", "slot"]] * 60], ["and", [["exists", "slot"]] * 60]]}, "filters", "more than"),
        ({"order_by": [["bots", "desc"]]}, "order_by[0][0]", "neither"),
        ({"order_by": [["clicks", "down"]]}, "order_by[0][1]", "'asc' or 'desc'"),
        ({"pagination": {"limit": 0}}, "pagination.limit", "greater"),
        ({"pagination": {"limit": 10_001}}, "pagination.limit", "less"),
        ({"pagination": {"page": 2}}, "pagination.page", "no such field"),
        ({"include": {"imports": True}}, "include.imports", "no such field"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(more: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        asked(**more)
    assert refused.value.field == field
    assert words in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"nul", b'{"metrics": ["\xff"]}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(body, now=NOW, zone="UTC", within=())


def test_what_is_not_given_is_the_installations() -> None:
    question = asked()
    assert question.span.zone.key == "Europe/Zurich"
    assert question.asked.pagination.limit == 1000
    assert not question.asked.exact


def test_filters_become_a_tree() -> None:
    question = asked(
        filters=[
            [
                "or",
                [["is", "channel", ["Email"]], ["not", ["contains_not", "city", ["ich"], {"case_sensitive": False}]]],
            ],
            ["exists_not", "slot"],
            ["is", "link", ["00000000000000ff"]],
            ["is", "position", [1, "2"]],
        ]
    )
    match question.conditions:
        case (
            Junction("or", (Test() as channel, Not(Not(Test() as city)))),
            Not(Test() as slot),
            Test() as link,
            place,
        ):
            assert (channel.rule, channel.values) == ("is", ("Email",))
            assert (city.rule, city.case_sensitive) == ("contains", False)
            assert slot.rule == "exists"
            assert link.values == (255,)
            assert isinstance(place, Test)
            assert place.values == (1, 2)
        case _:
            raise AssertionError(question.conditions)


@pytest.mark.parametrize(
    ("dimensions", "order_by", "expected"),
    [
        ([], [], [("clicks", "desc")]),
        (["channel"], [], [("clicks", "desc"), ("channel", "asc")]),
        (["channel", "time:day"], [], [("time:day", "asc"), ("clicks", "desc"), ("channel", "asc")]),
        (["channel"], [["channel", "desc"]], [("channel", "desc")]),
        (["channel", "city"], [["clicks"]], [("clicks", "desc"), ("channel", "asc"), ("city", "asc")]),
    ],
)
def test_the_order_is_always_complete(dimensions: list[str], order_by: list[Any], expected: list[Any]) -> None:
    assert [tuple(part) for part in asked(dimensions=dimensions, order_by=order_by).order] == expected
