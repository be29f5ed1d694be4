import re
from array import array
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dimensions import DIMENSIONS, Shape
from api.errors import BadRequest
from api.metrics import METRICS
from api.query.build import build
from api.query.parse import parse
from api.query.plan import Plan, Rolled, plan, span_of
from api.query.rollups import Rollups
from api.query.statement import Statement
from warehouse.rollups.clock import Clock

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
CANARY = "zq7canary"
TEXT_OPERATORS = ["is", "is_not", "contains", "contains_not", "starts_with", "ends_with", "matches", "matches_not"]
TEXTS = [name for name, dimension in DIMENSIONS.items() if dimension.shape is Shape.TEXT]

GOLDEN = Path(__file__).with_name("visitors_by_channel.sql")


def built(**asked: Any) -> Statement:
    body = {"metrics": ["clicks"], "date_range": ["2026-11-01", "2026-11-30"], **asked}
    question = parse(body, now=NOW, zone="UTC", within=())
    page = question.asked.pagination
    return build(question, plan(question, Rollups()), rows=page.offset + page.limit)


def test_the_statement_as_a_whole() -> None:
    statement = built(
        metrics=["clicks", "visitors"],
        dimensions=["channel"],
        filters=[["or", [["is", "country", ["CH", "AT"]], ["is_not", "link", ["00000000000000ff"]]]]],
        pagination={"limit": 10, "offset": 20},
    )
    assert f"{statement.sql}\n" == GOLDEN.read_text()
    assert statement.parameters == {
        "s0": 1793491200000,
        "s1": 1796083200000,
        "zone": "UTC",
        "rows": 30,
        "switch": 0,
        "p0": ["CH", "AT"],
        "p1": [255],
    }


@pytest.mark.parametrize(
    ("condition", "sql", "values"),
    [
        (["exists", "slot"], "(slot != '')", []),
        (["exists_not", "position"], "(NOT (position != 0))", []),
        (["exists", "placement"], "(toString(placement) != 'unknown')", []),
        (["contains", "path", ["a"]], "(multiSearchAny(path, {p0:Array(String)}))", [["a"]]),
        (["matches", "path", ["a", "b"]], "(match(path, {p0:String}) OR match(path, {p1:String}))", ["a", "b"]),
        (["matches", "path", ["a"], {"case_sensitive": False}], "(match(path, {p0:String}))", ["(?i)a"]),
        (
            ["starts_with_not", "path", ["/a"]],
            "(NOT (arrayExists(value -> startsWith(path, value), {p0:Array(String)})))",
            [["/a"]],
        ),
        (
            ["is", "city", ["BERN"], {"case_sensitive": False}],
            "(lowerUTF8(city) IN arrayMap(value -> lowerUTF8(value), {p0:Array(String)}))",
            [["BERN"]],
        ),
    ],
)
def test_each_rule_binds_its_values(condition: list[Any], sql: str, values: list[Any]) -> None:
    statement = built(filters=[condition])
    assert f"AND {sql}\n" in statement.sql
    assert [value for name, value in statement.parameters.items() if re.fullmatch(r"p\d+", name)] == values


def test_totals_are_asked_for_only_if_included() -> None:
    assert " AS t0" not in built().sql
    assert "sum(clicks) OVER () AS t0" in built(include={"totals": True}).sql


def test_visitors_are_counted_only_if_needed_and_exactly_if_asked() -> None:
    assert "uniq" not in built(metrics=list(METRICS.keys() - {"visitors", "clicks_per_visitor"})).sql
    exact = built(metrics=["clicks_per_visitor"], exact=True, include={"totals": True}).sql
    assert "uniqExactStateIf(salt_day, visitor_id" in exact
    assert "uniqExactMerge(visitors)" in exact
    assert "$" not in exact


def test_without_dimensions_there_is_always_one_row() -> None:
    assert "(1) AS kept" in built().sql


@given(
    st.sampled_from(TEXTS),
    st.sampled_from(TEXT_OPERATORS),
    st.lists(st.text(max_size=20).map(lambda text: f"{text}{CANARY}{text}"), min_size=1, max_size=3),
    st.booleans(),
)
def test_no_value_ever_lands_in_the_sql(name: str, operator: str, values: list[str], case_sensitive: bool) -> None:
    try:
        statement = built(filters=[["not", [operator, name, values, {"case_sensitive": case_sensitive}]]])
    except BadRequest as refused:
        assert refused.field.startswith("filters[0][1][2]")  # no RE2 pattern, or no text
        return
    shape = re.sub(r"p\d+", "p", statement.sql)
    harmless = built(filters=[["not", [operator, name, ["a"] * len(values), {"case_sensitive": case_sensitive}]]])
    assert shape == re.sub(r"p\d+", "p", harmless.sql)
    assert CANARY not in statement.sql


@given(st.text(max_size=40), st.sampled_from(["metrics", "dimensions", "order_by", "time_zone"]))
def test_no_name_ever_lands_in_the_sql(name: str, field: str) -> None:
    value: Any = {"order_by": [[name, "asc"]], "time_zone": name}.get(field, [name])
    try:
        statement = built(**{field: value})
    except BadRequest:
        return
    known = {*METRICS, *DIMENSIONS, ""}
    assert name in known or statement.parameters["zone"] == name


def test_many_seals_fit_into_the_fields_of_a_form() -> None:
    question = parse({"metrics": ["clicks"], "date_range": "day"}, now=NOW, zone="UTC", within=())
    seals = array("Q", range((1 << 64) - 30_000, 1 << 64))
    rolled = Rolled("rollup_geo", [span_of(question.span)], seals, Clock())
    statement = build(question, Plan((), [rolled]), rows=1)
    fields = [str(value) for value in statement.parameters.values() if len(str(value)) > 100]
    assert max(map(len, fields)) < 128 << 10
    assert b"".join(map(b64decode, fields)) == seals.tobytes()
    assert statement.sql.count("base64Decode(") == len(fields) == 4
