"""Formats: which one a request gets, and that other people's readers find in each what JSON says."""

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.ipc
import pyarrow.parquet
import pytest
from starlette.requests import Request

from api.errors import BadRequest, NotAcceptable
from api.formats.answers import respond, table_of
from api.formats.choose import ARROW, CSV, FORMATS, JSON, NDJSON, PARQUET, Format, accepted, chosen
from api.formats.table import Column, Kind, Table, safe_cell

ANSWER: dict[str, Any] = {
    "query": {
        "dimensions": ["channel", "time:day", "time:hour", "position", "link"],
        "metrics": ["clicks", "share"],
        "date_range": ["2026-11-01T00:00:00+01:00", "2026-11-08T00:00:00+01:00"],
        "time_zone": "Europe/Zurich",
    },
    "meta": {},
    "results": [
        {
            "dimensions": ["=1+1", "2026-11-01", "2026-11-01T10:00:00+01:00", 3, "00000000000000ff"],
            "metrics": [2, 66.67],
        },
        {
            "dimensions": ['ä,"b"', "2026-11-02", "2026-11-02T10:00:00+01:00", 0, "ffffffffffffffff"],
            "metrics": [1, None],
        },
    ],
}
NAMES = ["channel", "time:day", "time:hour", "position", "link", "clicks", "share"]
ROWS = [[*row["dimensions"], *row["metrics"]] for row in ANSWER["results"]]
ZONE = ZoneInfo("Europe/Zurich")


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("*/*", JSON),
        ("", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("application/*", JSON),
        ("application/json;q=0.1, application/x-ndjson", NDJSON),
        ("application/vnd.apache.arrow.stream", ARROW),
        ("*/*;q=0.5, Application/Vnd.Apache.Parquet ; Q=0.9", PARQUET),
        ("application/json;q=0, */*", CSV),
        ("text/csv;q=high, application/json;q=0.1", JSON),
    ],
)
def test_accept_chooses(accept: str, format_: Format) -> None:
    assert accepted(accept) is format_


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*, text/xml"])
def test_what_there_is_not_is_refused_with_what_there_is(accept: str) -> None:
    with pytest.raises(NotAcceptable) as refused:
        accepted(accept)
    assert refused.value.body()["available"] == [one.media for one in FORMATS.values()]


def asked(query: str, accept: str = "text/csv") -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": [(b"accept", accept.encode())]})


def test_the_address_wins_over_the_header() -> None:
    assert chosen(asked("format=parquet")) is PARQUET
    assert chosen(asked("")) is CSV
    with pytest.raises(BadRequest):
        chosen(asked("format=xml"))


@pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)
def test_headers_name_type_and_file(format_: Format) -> None:
    headers = respond(ANSWER, format_).headers
    assert headers["content-type"] == format_.media_type
    assert headers["vary"] == "Accept"
    name = f"weir-channel-time-day-time-hour-position-link-2026-11-01-2026-11-08.{format_.name}"
    expected = None if format_ is JSON else f'attachment; filename="{name}"'
    assert headers.get("content-disposition") == expected


def test_csv_is_read_back_but_for_formulas() -> None:
    text = table_of(ANSWER).write(CSV).decode()
    found = list(csv.reader(io.StringIO(text, newline="")))
    assert found[0] == NAMES
    assert [row[1:] for row in found[1:]] == [["" if cell is None else str(cell) for cell in row[1:]] for row in ROWS]
    assert [row[0] for row in found[1:]] == ["'=1+1", 'ä,"b"']


@pytest.mark.parametrize("text", ["=SUM(A1)", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_no_cell_begins_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["a=b", "", "'", -1, -0.5, None])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert safe_cell(value) == value


def test_ndjson_has_an_object_a_line() -> None:
    lines = table_of(ANSWER).write(NDJSON).decode().splitlines()
    assert [json.loads(line) for line in lines] == [dict(zip(NAMES, row, strict=True)) for row in ROWS]


@pytest.mark.parametrize("format_", [ARROW, PARQUET], ids=["arrow", "parquet"])
def test_arrow_and_parquet_have_types(format_: Format) -> None:
    table = read(format_, table_of(ANSWER).write(format_))
    assert table.column_names == NAMES
    types = [str(kind) for kind in table.schema.types]
    assert types[:2] + types[3:] == ["string", "date32[day]", "uint64", "string", "uint64", "double"]
    moments = [datetime(2026, 11, day, 9, tzinfo=UTC) for day in (1, 2)]
    assert table.column("time:hour").to_pylist() == moments
    assert table.column("time:day").to_pylist() == [date(2026, 11, 1), date(2026, 11, 2)]
    for name in ("channel", "position", "link", "clicks", "share"):
        assert table.column(name).to_pylist() == [row[NAMES.index(name)] for row in ROWS]


def read(format_: Format, body: bytes) -> Any:
    if format_ is ARROW:
        with pyarrow.ipc.open_stream(body) as stream:
            return stream.read_all()
    return pyarrow.parquet.read_table(io.BytesIO(body))


@pytest.mark.parametrize("format_", [ARROW, PARQUET], ids=["arrow", "parquet"])
def test_no_rows_have_the_same_types(format_: Format) -> None:
    empty = table_of({**ANSWER, "results": []}).write(format_)
    assert read(format_, empty).schema.types == read(format_, table_of(ANSWER).write(format_)).schema.types


def test_a_comparison_has_columns_of_its_own() -> None:
    query = {**ANSWER["query"], "dimensions": ["channel"], "metrics": ["clicks"]}
    results = [
        {"dimensions": ["Email"], "metrics": [3], "comparison": {"metrics": [2], "change": [50.0]}},
        {"dimensions": ["SMS"], "metrics": [1]},
    ]
    table = table_of({"query": query, "results": results})
    assert [column.name for column in table.columns] == ["channel", "clicks", "clicks_before", "clicks_change"]
    assert table.rows == [["Email", 3, 2, 50.0], ["SMS", 1, None, None]]


def test_a_table_without_columns_of_its_own_zone_is_utc() -> None:
    table = Table([Column("at", Kind.MOMENT)], [["2026-11-01T00:00:00+01:00"]])
    assert read(ARROW, table.write(ARROW)).column("at").to_pylist() == [datetime(2026, 10, 31, 23, tzinfo=UTC)]
