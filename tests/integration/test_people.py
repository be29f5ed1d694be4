"""The views as people and their tools read them: as the reader, over HTTP, with the queries of docs/bi."""

import csv
import io
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas
import pytest
from clickhouse_connect.driver.client import Client

from tests.fixtures.warehouse import READER_PASSWORD, EmbeddedServer, database_of_its_own
from warehouse.client import connect

PAGES = sorted((Path(__file__).parents[2] / "docs" / "bi").glob("*.md"))
QUERIES = [
    pytest.param(query, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, query in enumerate(re.findall(r"```sql\n(.*?)```", page.read_text(), re.DOTALL))
]
VIEWS = {
    "v_by_channel": ("channel", "referrer_source", "utm_source", "utm_medium", "utm_campaign"),
    "v_by_country": ("country", "region", "city"),
    "v_by_device": ("device", "os", "browser"),
    "v_by_position": ("position", "slot", "placement", "variant"),
    "v_by_link": ("link_id",),
}
START = datetime.now(UTC).replace(minute=20, second=0, microsecond=0) - timedelta(hours=5)
COLUMNS = (
    *(
        "topic_id",
        "kafka_offset",
        "fence",
        "append_time",
        "batch_time",
        "ts",
        "kind",
        "outcome",
        "src",
        "seq",
        "domain",
    ),
    *("link_id", "visitor_id", "salt_day", "channel", "utm_source", "country", "device", "browser", "position", "slot"),
)


def rows() -> list[list[Any]]:
    """Three hundred records of five hours."""
    made = []
    for number in range(300):
        at = START + timedelta(minutes=number)
        outcome = ("human", "bot", "human", "repeat", "suspect", "prefetch", "human")[number % 7]
        click = [number, number % 2 or 3, number % 11, at.date(), ("Email", "Direct", "Referral")[number % 3]]
        more = [f"mail-{number % 4}", "DE" if number % 5 else "", ("mobile", "desktop")[number % 2], "Firefox"]
        kind = "orphan" if number % 13 == 0 else "click"
        place = [UUID(int=7), number, 7, at, at, at, kind, "orphan" if kind == "orphan" else outcome, 5, number + 1]
        made.append([*place, "go.example", *click[1:], *more, number % 6, ("", "hero")[number % 2]])
    return made


@pytest.fixture(scope="module")
def reader(warehouse_server: EmbeddedServer) -> Iterator[Client]:
    """The reader, on a database with some clicks."""
    with database_of_its_own(warehouse_server) as settings:
        with closing(connect(settings)) as writer:
            writer.command("INSERT INTO fences SELECT toUUID('00000000-0000-0000-0000-000000000007'), 0, 7")
            writer.insert("events", rows(), column_names=COLUMNS)
            links = [[1, "go.example", "one", "The first", 1], [3, "go.example", "three", "The third", 1]]
            writer.insert("links", links, column_names=["link_id", "domain", "slug", "title", "version"])
            writer.command("SYSTEM RELOAD DICTIONARY links_dict")
        with closing(connect(warehouse_server.reader(settings.clickhouse_database))) as client:
            yield client


@pytest.fixture(scope="module")
def records(reader: Client) -> pandas.DataFrame:
    """What is there, to count by other means."""
    found: pandas.DataFrame = reader.query_df("SELECT * FROM v_events WHERE kind = 'click'")
    return found.assign(hour=found["time"].dt.floor("h"))


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_says_what_pandas_counts(reader: Client, records: pandas.DataFrame, view: str) -> None:
    by = ["hour", "domain", *VIEWS[view]]
    found = reader.query_df(f"SELECT * FROM {view}").set_index(by).sort_index()
    counted = records[records["outcome"].isin(["human", "suspect"])]
    known = counted[counted["visitor_id"] != 0]
    all_rows = records.groupby(by).size().index
    expected = {
        "clicks": counted.groupby(by).size(),
        "visitors": known.groupby(by)["visitor_id"].nunique(),
        "repeats": records[records["outcome"] == "repeat"].groupby(by).size(),
        "suspects": records[records["outcome"] == "suspect"].groupby(by).size(),
        "bots": records[records["outcome"].isin(["bot", "prefetch"])].groupby(by).size(),
    }
    assert len(found) == len(all_rows)
    for measure, numbers in expected.items():
        assert found[measure].to_dict() == numbers.reindex(all_rows, fill_value=0).to_dict()


@pytest.mark.parametrize("view", [*VIEWS, "v_clicks", "v_events"])
def test_every_column_is_explained(reader: Client, view: str) -> None:
    described = reader.query(f"DESCRIBE TABLE {view}").result_rows
    assert [name for name, _, _, _, comment, *_ in described if not comment] == []
    assert not any("AggregateFunction" in type_ for _, type_, *_ in described)


def test_a_condition_on_the_hour_leaves_the_rest_unread(reader: Client) -> None:
    hour = START.replace(minute=0) + timedelta(days=9)
    plan = reader.query(
        f"EXPLAIN indexes = 1 SELECT sum(clicks) FROM v_by_channel WHERE hour >= '{hour:%Y-%m-%d %H:%M:%S}'"
    ).result_rows
    assert any(re.search(r"(Granules: 0/|Parts: 0/|ReadFromPreparedSource|NullSource)", line) for (line,) in plan), plan


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_pages_is_answered(reader: Client, query: str) -> None:
    sql = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 >= now() - INTERVAL 1 DAY AND \1 <= now()", query)
    assert len(reader.query(f"DESCRIBE ({sql})").result_rows) > 1
    reader.query(sql)


def test_curl_and_a_spreadsheet(reader: Client, warehouse_server: EmbeddedServer) -> None:
    sql = "SELECT slug, title, sum(clicks) AS clicks FROM v_by_link GROUP BY ALL ORDER BY slug FORMAT CSVWithNames"
    url = f"{warehouse_server.url}/?database={reader.database}".replace("http://", f"http://reader:{READER_PASSWORD}@")
    said = subprocess.run(["curl", "-sS", "--noproxy", "*", url, "--data-binary", sql], capture_output=True, check=True)
    found = list(csv.DictReader(io.StringIO(said.stdout.decode())))
    assert [(row["slug"], row["title"]) for row in found] == [("one", "The first"), ("three", "The third")]
    assert sum(int(row["clicks"]) for row in found) == reader.command(
        "SELECT count() FROM v_clicks WHERE kind = 'click'"
    )
