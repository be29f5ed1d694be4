from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.replay.difference import MADE_COLUMNS, Difference, difference
from warehouse.columns import Coded, Columns

PLAIN: dict[str, Any] = {"reasons": (), "extra": (), "score": 0, "asn": 0}


def rows(*changes: dict[str, Any]) -> Columns:
    """So many rows that are alike but for what is given."""
    return {name: Coded.of([row.get(name, PLAIN.get(name, "")) for row in changes]) for name in MADE_COLUMNS}


def test_what_changed_is_told_from_what_to_what_and_by_which_reason() -> None:
    before = rows({"outcome": "human"}, {"outcome": "human", "city": "Bern"}, {"channel": "Email"}, {})
    after = rows(
        {"outcome": "bot", "reasons": ("burst", "rate")}, {"outcome": "human", "city": "Thun"}, {"channel": "Email"}, {}
    )
    assert difference(before, after) == Difference(
        4,
        2,
        {
            ("outcome", "human", "bot"): 1,
            ("reason gained", "", "burst"): 1,
            ("reason gained", "", "rate"): 1,
            ("city", "", ""): 1,
        },
    )


def test_a_reason_that_is_lost() -> None:
    found = difference(rows({"reasons": ("trap", "rate")}), rows({"reasons": ("rate",)}))
    assert found.changes == {("reason lost", "trap", ""): 1}


def test_neither_the_rules_version_nor_an_order_is_a_change() -> None:
    before = rows({"reasons": ("trap", "rate"), "extra": (("a", "1"), ("b", "2"))})
    after = rows({"reasons": ("rate", "trap"), "extra": (("b", "2"), ("a", "1"))})
    assert "rules_version" not in MADE_COLUMNS
    assert difference(before, after) == Difference(1, 0, {})


outcomes = st.lists(st.tuples(*[st.sampled_from(["human", "bot", "repeat"])] * 2), min_size=1)


@given(outcomes, st.integers(0, 20))
def test_the_difference_of_two_parts_is_that_of_the_whole(pairs: list[tuple[str, str]], cut: int) -> None:
    def of(part: list[tuple[str, str]]) -> Difference:
        return difference(*(rows(*({"outcome": pair[side]} for pair in part)) for side in (0, 1)))

    parts = [part for part in (pairs[:cut], pairs[cut:]) if part]
    total = sum(map(of, parts), Difference())
    assert total == of(pairs)
    assert total.changed == sum(before != after for before, after in pairs)
