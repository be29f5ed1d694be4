"""What one builds on keeps its word: the click has the row's fields, and what can't be stored is refused."""

from typing import Any

import pytest

from streams.extension import MAX_FIELDS, MAX_VALUE, Added, Click, OwnReason, Verdict
from warehouse.events import ENRICHED_COLUMNS, RAW_COLUMNS


def test_a_click_has_the_rows_columns_but_what_only_a_redirectors_own_word_has() -> None:
    assert Click.__struct_fields__ == tuple(name for name in RAW_COLUMNS if name != "mark") + ENRICHED_COLUMNS


def test_a_click_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Click().country = "DE"  # type: ignore[misc]


@pytest.mark.parametrize(
    "fields",
    [
        {"Company": "x"},
        {"": "x"},
        {"own field": "x"},
        {"a" * 65: "x"},
        {"company": 7},
        {"company": "x" * (MAX_VALUE + 1)},
        {"company": "\ud800"},
        {f"field_{number}": "" for number in range(MAX_FIELDS + 1)},
    ],
)
def test_fields_that_can_not_be_stored_are_refused(fields: Any) -> None:
    with pytest.raises(ValueError, match=r"field|surrogates"):
        Added(fields)


@pytest.mark.parametrize("reasons", ["fraud", ("fraud",), [OwnReason("fraud", Verdict.BOT, 50)], None])
def test_reasons_that_are_none_are_refused(reasons: Any) -> None:
    with pytest.raises(ValueError, match="reasons are a tuple of OwnReason"):
        Added({}, reasons)


def test_fields_at_their_limits_are_taken() -> None:
    fields = {f"field_{number}": "x" * MAX_VALUE for number in range(MAX_FIELDS)}
    assert Added(fields).fields == fields


@pytest.mark.parametrize(
    ("name", "verdict", "score"),
    [
        ("own:fraud", Verdict.BOT, 50),
        ("", Verdict.BOT, 50),
        ("fraud", Verdict.HUMAN, 50),
        ("fraud", Verdict.NONE, 50),
        ("fraud", Verdict.BOT, 0),
        ("fraud", Verdict.BOT, 101),
        ("fraud", Verdict.BOT, 50.0),
        ("fraud", Verdict.BOT, True),
        ("fraud", Verdict.BOT, "50"),
        ("fraud", "bot", 50),
    ],
)
def test_reasons_that_no_verdict_can_be_made_from_are_refused(name: str, verdict: Any, score: Any) -> None:
    with pytest.raises(ValueError, match=r"name|class|score"):
        OwnReason(name, verdict, score)


def test_an_own_reason_is_told_from_weirs() -> None:
    assert OwnReason("fraud", Verdict.SUSPECT, 60).stored == "own:fraud"
