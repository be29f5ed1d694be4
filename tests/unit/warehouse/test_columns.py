"""Coded columns: whatever is done to them, their rows are those of a plain list."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse import columns as module
from warehouse.columns import Coded, Coding, coded, cut, picked, spread, together

values = st.lists(st.integers(0, 5))


@given(st.lists(values))
def test_a_column_that_is_gathered_piece_by_piece(pieces: list[list[int]]) -> None:
    coding: Coding[int] = Coding()
    for piece in pieces:
        coding.extend(piece)
    rows = [value for piece in pieces for value in piece]
    assert coding.coded() == rows
    assert len(coding.coded().values) == len(set(rows))


@given(values)
def test_a_column_reads_as_a_list(rows: list[int]) -> None:
    column = Coded.of(rows)
    assert list(column) == rows
    assert len(column) == len(rows)
    assert column[1:3] == rows[1:3]
    assert [column[place] for place in range(len(rows))] == rows
    assert column.map(str) == list(map(str, rows))
    assert column.counts() == {value: rows.count(value) for value in rows}


def test_a_function_is_asked_once_a_distinct_value() -> None:
    answers = {"a": "same", "b": "same"}
    made = Coded.of("abba").map(answers.pop)
    assert made == ["same"] * 4
    assert made.values == ["same"]


def test_some_rows_get_another_value() -> None:
    column = Coded.of("abc")
    assert column.at(np.array([True, False, True]), "") == ["", "b", ""]
    assert column.at(np.array([1]), "") == ["a", "", "c"]
    assert column == list("abc")


@pytest.mark.parametrize("lookup", [module.LOOKUP, 0])
@given(rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("xyz"), st.booleans())))
def test_rows_of_several_columns(lookup: int, rows: list[tuple[int, str, bool]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LOOKUP", lookup)
        a = Coded.of([row[0] for row in rows])
        b = Coded.of([row[1] for row in rows])
        c = Coded.of([row[2] for row in rows])
        assert together(a, b, c) == rows
        assert together(a) == [(value,) for value, _, _ in rows]
        twice = b.map(str.upper)
        assert together(a, b, twice, Coded(twice.values, twice.codes)) == [
            (x, y, y.upper(), y.upper()) for x, y, _ in rows
        ]
        assert sorted(together(a, b, c).values) == sorted(set(rows))


def test_columns_of_one_source_are_told_apart_once() -> None:
    rows = Coded.of([("a", 1), ("b", 1), ("a", 1)])
    letter, number = spread(("letter", "number"), rows).values()
    both = together(coded(letter), coded(number))
    assert both.codes is rows.codes
    assert both == list(rows)


def test_tuples_become_columns() -> None:
    assert spread(("n", "t"), Coded.of([(1, "a"), (2, "b")])) == {"n": [1, 2], "t": ["a", "b"]}
    assert spread(("n", "t"), Coded.of([])) == {"n": [], "t": []}


def test_rows_are_picked_from_every_kind_of_column() -> None:
    made = picked({"list": [1, 2, 3], "array": np.array([4, 5, 6]), "coded": Coded.of("abc")}, [0, 2])
    assert {name: list(column) for name, column in made.items()} == {
        "list": [1, 3],
        "array": [4, 6],
        "coded": ["a", "c"],
    }


@given(values, st.integers(0, 10), st.integers(0, 10))
def test_a_run_of_rows_has_no_value_that_only_other_rows_have(rows: list[int], start: int, end: int) -> None:
    part = slice(start, end)
    found = cut({"coded": Coded.of(rows), "list": rows, "array": np.array(rows)}, part)
    assert all(list(column) == rows[part] for column in found.values())
    assert set(coded(found["coded"]).values) == set(rows[part])
