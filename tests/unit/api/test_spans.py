from hypothesis import given
from hypothesis import strategies as st

from api.query.spans import Span, common, joined, without

LISTS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)).map(lambda part: (part[0], sum(part)))).map(joined)


def moments(spans: list[Span]) -> set[int]:
    return {moment for start, end in spans for moment in range(start, end)}


@given(LISTS, LISTS)
def test_spans_are_sets_of_moments(ours: list[Span], theirs: list[Span]) -> None:
    assert moments(without(ours, theirs)) == moments(ours) - moments(theirs)
    assert moments(common(ours, theirs)) == moments(ours) & moments(theirs)
    assert moments(joined([*ours, *theirs])) == moments(ours) | moments(theirs)


@given(LISTS, st.integers(1, 5))
def test_too_many_are_joined_where_they_are_closest(spans: list[Span], limit: int) -> None:
    found = joined(spans, limit)
    assert len(found) == min(limit, len(spans))
    assert moments(found) >= moments(spans)


def test_the_widest_gaps_stay() -> None:
    assert joined([(0, 1), (2, 3), (9, 10), (11, 12)], 2) == [(0, 3), (9, 12)]
