"""The Native format on the real engine: what comes out is what went in, whatever form its column had."""

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.client import connect
from warehouse.columns import Coded, Column
from warehouse.native import block
from warehouse.settings import WarehouseSettings

TYPES = {
    "place": "UInt32",
    "u8": "UInt8",
    "u64": "UInt64",
    "day": "Date",
    "second": "DateTime('UTC')",
    "milli": "DateTime64(3, 'UTC')",
    "enum": "Enum8('none' = 0, '1st 20%' = 1, 'it is' = -3)",
    "id": "UUID",
    "text": "String",
    "word": "LowCardinality(String)",
    "reasons": "Array(LowCardinality(String))",
    "hints": "Map(LowCardinality(String), String)",
}
SHOWN = (
    "u8, u64, toUInt16(day), toUInt32(second), toUnixTimestamp64Milli(milli), toString(enum), id, text, word, reasons,"
    " hints"
)

text = st.text(max_size=5) | st.sampled_from(["", "a" * 127, "b" * 128, "ü" * 70, "c" * 20_000, "\0", "\n"])
rows = st.tuples(
    st.integers(0, 255),
    st.integers(0, 2**64 - 1),
    st.integers(0, 65_535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 4_102_444_799_999),
    st.sampled_from(["none", "1st 20%", "it is"]),
    st.uuids(),
    text,
    text,
    st.lists(text, max_size=3).map(tuple),
    st.dictionaries(text, text, max_size=3).map(lambda pairs: tuple(pairs.items())),
)
Row = tuple[Any, ...]


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Iterator[Client]:
    with contextlib.closing(connect(warehouse)) as client:
        columns = ", ".join(f"{name} {type_name}" for name, type_name in TYPES.items())
        client.command(f"CREATE TABLE every_type ({columns}) ENGINE = MergeTree ORDER BY place")
        yield client


def stored(client: Client, columns: dict[str, Column]) -> list[Row]:
    """The rows as ClickHouse has them."""
    client.command("TRUNCATE TABLE every_type")
    client.raw_insert("every_type", list(columns), block(columns, TYPES), fmt="Native")
    found = client.query(f"SELECT {SHOWN} FROM every_type ORDER BY place").result_rows
    return [(*row[:-2], tuple(row[-2]), tuple(row[-1].items())) for row in found]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clicks=st.lists(rows, min_size=1, max_size=30), form=st.sampled_from(["list", "coded", "array"]))
def test_what_comes_out_is_what_went_in(client: Client, clicks: list[Row], form: str) -> None:
    columns: dict[str, Column] = {"place": np.arange(len(clicks))}
    for name, values in zip(list(TYPES)[1:], zip(*clicks, strict=True), strict=True):
        number = isinstance(values[0], int) and form == "array"
        columns[name] = np.array(values, np.uint64) if number else Coded.of(values) if form == "coded" else list(values)
    assert stored(client, columns) == clicks


@pytest.mark.parametrize("distinct", [1, 256, 257, 65_536, 65_537])
def test_dictionaries_of_every_size(client: Client, distinct: int) -> None:
    words = [f"word {number % distinct}" for number in range(max(2 * distinct, 10))]
    count = len(words)
    row = (1, 2, 3, 4, 5, "none", UUID(int=7))
    constant = {name: Coded.constant(value, count) for name, value in zip(list(TYPES)[1:8], row, strict=True)}
    columns: dict[str, Column] = {
        "place": np.arange(count),
        **constant,
        "text": Coded.of(words),
        "word": Coded.of(words),
        "reasons": Coded.of([(word,) for word in words]),
        "hints": Coded.of([(("k", word),) for word in words]),
    }
    expected = [(*row, word, word, (word,), (("k", word),)) for word in words]
    assert stored(client, columns) == expected
