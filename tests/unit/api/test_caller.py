"""What a caller may do and see."""

from datetime import UTC, datetime

import pytest

from api.errors import Forbidden
from api.keys.caller import ADMIN, LINKS, READ, SEE_LINKS, Caller, Scope
from api.query.build import build
from api.query.parse import parse
from api.query.plan import plan
from api.query.rollups import Rollups

READER = Caller("shop", scopes=frozenset({Scope.READ}), domains=("go.example",))


def test_a_scope_opens_what_wants_it_and_nothing_else() -> None:
    READER.require(READ)
    READER.require(SEE_LINKS)
    for scopes in (LINKS, ADMIN):
        with pytest.raises(Forbidden, match=f"`{scopes[0]}`"):
            READER.require(scopes)


def test_what_is_of_every_domain_is_not_for_a_key_of_some() -> None:
    Caller("root").require(ADMIN)
    with pytest.raises(Forbidden, match="every domain"):
        Caller("half", domains=("go.example",)).require(ADMIN)


def test_a_limited_caller_sees_its_domains_only() -> None:
    assert READER.sees("go.example")
    assert not READER.sees("other.example")
    assert Caller("root").sees("other.example")
    assert Caller("root").conditions() == ()


@pytest.mark.parametrize(
    "filters",
    [
        [],
        [["is", "domain", ["other.example"]]],
        [["or", [["is", "domain", ["other.example"]], ["not", ["is", "domain", ["go.example"]]]]]],
    ],
)
def test_its_limit_holds_beside_every_filter(filters: list[object]) -> None:
    body = {"metrics": ["clicks"], "date_range": "day", "filters": filters}
    question = parse(body, now=datetime(2026, 11, 22, tzinfo=UTC), zone="UTC", within=READER.conditions())
    statement = build(question, plan(question, Rollups()), rows=1)
    first = statement.sql.split("{s1:Int64}, 'UTC'))", 1)[1].splitlines()[1]
    assert first.strip() == "AND (domain IN {p0:Array(String)})"
    assert statement.parameters["p0"] == ["go.example"]
