import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.enrich.position import FIFTHS, UNKNOWN, Position, placement
from tests.unit.streams.clicks import click, columns


@pytest.mark.parametrize(
    ("position", "position_of", "expected"),
    [
        (1, 5, "1st 20%"),
        (2, 5, "2nd 20%"),
        (5, 5, "5th 20%"),
        (1, 1, "3rd 20%"),  # a single link stands in the middle
        (1, 2, "2nd 20%"),
        (2, 2, "4th 20%"),
        (1, 10, "1st 20%"),
        (2, 10, "1st 20%"),
        (3, 10, "2nd 20%"),
        (10, 10, "5th 20%"),
        (65_535, 65_535, "5th 20%"),
        (0, 5, UNKNOWN),
        (3, 0, UNKNOWN),
        (0, 0, UNKNOWN),
        (6, 5, UNKNOWN),
    ],
)
def test_placement(position: int, position_of: int, expected: str) -> None:
    assert placement(position, position_of) == expected


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 65_535), st.integers(1, 65_535))
def test_placement_is_the_published_formula(position: int, position_of: int) -> None:
    fifth = int(5 * (position - 0.5) / position_of)
    assert placement(position, position_of) == (FIFTHS[fifth] if position <= position_of else UNKNOWN)


def test_a_batch() -> None:
    clicks = [click(position=1, position_of=10), click(), click(position=9, position_of=3)]
    assert Position()(columns(*clicks)) == {"placement": ["1st 20%", "unknown", "unknown"]}
