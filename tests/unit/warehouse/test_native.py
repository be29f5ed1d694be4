"""The Native format: what does not fit is refused with its column's name; what fits is tested on the real engine."""

import numpy as np
import pytest

from warehouse.columns import Coded, Column
from warehouse.failures import Misconfigured, Unstorable
from warehouse.native import block, encode


@pytest.mark.parametrize(
    ("type_name", "column"),
    [
        ("UInt8", [256]),
        ("UInt8", [-1]),
        ("UInt8", np.array([300])),
        ("UInt16", Coded.of([70_000])),
        ("UInt64", np.array([-1])),
        ("Enum8('a' = 1)", ["b"]),
        ("String", [7]),
        ("LowCardinality(String)", ["\ud800"]),
        ("UUID", ["not one"]),
    ],
)
def test_what_does_not_fit_is_refused_with_its_columns_name(type_name: str, column: Column) -> None:
    with pytest.raises(Unstorable, match=r"^mine ") as found:
        block({"mine": column}, {"mine": type_name})
    assert not found.value.sent


def test_another_schema_is_no_fault_of_the_rows() -> None:
    with pytest.raises(Misconfigured, match="lacks the columns colour: run `weir migrate`"):
        block({"count": [1], "colour": ["red"]}, {"count": "UInt8"})
    with pytest.raises(Misconfigured, match="of type Float64: run `weir migrate`"):
        block({"count": [1.0]}, {"count": "Float64"})


def test_columns_are_of_one_length() -> None:
    with pytest.raises(ValueError, match="column b has 1 rows instead of 2"):
        block({"a": [1, 2], "b": [1]}, {"a": "UInt8", "b": "UInt8"})


def test_a_text_that_comes_again_goes_over_as_a_dictionary() -> None:
    assert encode("String", Coded.of(["same"] * 100)).type == "LowCardinality(String)"
    assert encode("String", Coded.of([str(number) for number in range(100)])).type == "String"


def test_known_bytes() -> None:
    made = block({"n": [1, 258], "s": ["a", "ü" * 64]}, {"n": "UInt16", "s": "String"})
    assert (
        made == b"\x02\x02" + b"\x01n\x06UInt16\x01\x00\x02\x01" + b"\x01s\x06String\x01a\x80\x01" + "ü".encode() * 64
    )
