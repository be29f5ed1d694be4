"""Clocks against plain sets of offsets."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from warehouse.rollups.clock import Clock

TOPICS = (UUID(int=1), UUID(int=2))
Offsets = set[tuple[UUID, int, int]]

runs = st.lists(
    st.tuples(st.sampled_from(TOPICS), st.integers(0, 3), st.integers(0, 12), st.integers(0, 6)).map(
        lambda run: (run[0], run[1], run[2], run[2] + run[3])
    ),
    max_size=8,
)
clocks = runs.map(Clock.of)


def offsets(clock: Clock) -> Offsets:
    return {(topic_id, number, at) for topic_id, number, start, end in clock.runs for at in range(start, end)}


@given(runs)
def test_a_clock_is_the_offsets_of_its_runs(some: list[tuple[UUID, int, int, int]]) -> None:
    expected = {(topic_id, number, at) for topic_id, number, start, end in some for at in range(start, end)}
    clock = Clock.of(some)
    assert offsets(clock) == expected
    assert clock.height == len(expected)
    assert all(((*place, at) in clock) == ((*place, at) in expected) for place in clock.ranges for at in range(20))


@given(clocks, clocks)
def test_union_and_difference(one: Clock, other: Clock) -> None:
    assert offsets(one | other) == offsets(one) | offsets(other)
    assert offsets(one - other) == offsets(one) - offsets(other)


@given(clocks)
def test_packed_and_unpacked_it_is_the_same(clock: Clock) -> None:
    assert Clock.unpacked(clock.packed()) == clock


@given(clocks, st.sampled_from(TOPICS), st.integers(0, 5), st.integers(0, 20))
def test_the_condition_is_true_at_its_offsets(clock: Clock, topic_id: UUID, partition: int, offset: int) -> None:
    sql, parameters = clock.condition("c"), clock.parameters("c")
    layers = sql.count(":UUID")
    found = any(
        parameters[f"c_topic{layer}"] == str(topic_id)
        and offset in range(*(_element(parameters[f"c_{end}{layer}"], partition) for end in ("starts", "ends")))
        for layer in range(layers)
    )
    assert found == ((topic_id, partition, offset) in clock)
    assert layers or sql == "(0)"


def _element(array: list[int], partition: int) -> int:
    """`array[partition + 1]` as ClickHouse has it."""
    return array[partition] if partition < len(array) else 0
