"""What an analyst's own pandas works out from the clicks, against the API's answers over records and over rollups."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pandas as pd
import pytest

from tests.fixtures.warehouse import EmbeddedServer
from tests.integration.rows import insert, make_rows
from tests.integration.test_api_query import opened
from warehouse.client import connect
from warehouse.rollups.roll import roll_due
from warehouse.settings import WarehouseSettings

ZONE = "America/New_York"
ROWS = make_rows(2000, seed=5, start=datetime(2026, 10, 30, tzinfo=UTC), span=timedelta(days=4))


def by_pandas(rows: list[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    """The golden answers."""
    frame = pd.DataFrame(rows)
    frame["time:day"] = pd.to_datetime(frame.ts).dt.tz_convert(ZONE).dt.strftime("%Y-%m-%d")
    clicks = frame[frame.outcome.isin(["human", "suspect"])]
    known = clicks[clicks.visitor_id > 0].drop_duplicates(["salt_day", "visitor_id", "channel"])
    channels = clicks.groupby("channel").size().to_frame("clicks")
    channels["visitors"] = known.groupby("channel").size()
    channels["share"] = (100 * channels.clicks / len(clicks)).round(2)
    days = frame.groupby("time:day").outcome.value_counts().unstack(fill_value=0)
    positions = clicks[clicks.country == "CH"].groupby(["position", "placement"]).size().to_frame("clicks")
    links = clicks.groupby(clicks.link_id.map("{:016x}".format).rename("link")).size().to_frame("clicks")
    days = days.assign(clicks=days.human + days.suspect, bots=days.bot, repeats=days.repeat)
    return {"channels": channels, "days": days[["clicks", "bots", "repeats"]], "positions": positions, "links": links}


QUESTIONS: dict[str, dict[str, Any]] = {
    "channels": {"metrics": ["clicks", "visitors", "share"], "dimensions": ["channel"]},
    "days": {"metrics": ["clicks", "bots", "repeats"], "dimensions": ["time:day"]},
    "positions": {
        "metrics": ["clicks"],
        "dimensions": ["position", "placement"],
        "filters": [["is", "country", ["CH"]]],
    },
    "links": {"metrics": ["clicks"], "dimensions": ["link"]},
}


async def answers(warehouse: WarehouseSettings) -> dict[str, tuple[pd.DataFrame, str]]:
    """What the API says to each question, and of which tables it made it."""
    found = {}
    async for client in opened(warehouse):
        for name, asked in QUESTIONS.items():
            answer = (await client.post("/v1/query", json={**asked, "date_range": "all", "time_zone": ZONE})).json()
            rows = [[*row["dimensions"], *row["metrics"]] for row in answer["results"]]
            frame = pd.DataFrame(rows, columns=[*asked["dimensions"], *asked["metrics"]])
            found[name] = frame.set_index(asked["dimensions"]).sort_index(), answer["meta"]["table"]
    return found


@pytest.mark.asyncio
async def test_the_api_says_what_pandas_says(warehouse: WarehouseSettings) -> None:
    golden = by_pandas(ROWS)
    insert(warehouse, ROWS)
    records = await answers(warehouse)
    with connect(warehouse) as client:
        roll_due(client, datetime(2026, 11, 22, tzinfo=UTC).timestamp(), "UTC")
    rolled = await answers(warehouse)
    for name, expected in golden.items():
        for found, _ in (records[name], rolled[name]):
            pd.testing.assert_frame_equal(found, expected.sort_index(), check_names=False, check_dtype=False)
        assert records[name][1] == "events"
        assert rolled[name][1].startswith("rollup_") == (name != "positions"), rolled[name][1]


def test_an_analyst_reads_the_views_with_pandas(warehouse_server: EmbeddedServer, warehouse: WarehouseSettings) -> None:
    """With the reader's password and a stock client."""
    insert(warehouse, ROWS)
    reader = warehouse_server.reader(warehouse.clickhouse_database)
    url, password = urlsplit(reader.clickhouse), reader.clickhouse_password.get_secret_value()
    with clickhouse_connect.get_client(
        host=url.hostname, port=url.port, username="reader", password=password, database=reader.clickhouse_database
    ) as client:
        frame = client.query_df("SELECT channel, visitor_id, salt_day FROM v_clicks")
    expected = by_pandas(ROWS)["channels"]
    assert frame.groupby("channel").size().to_dict() == expected.clicks.to_dict()
    known = frame[frame.visitor_id > 0].drop_duplicates(["salt_day", "visitor_id", "channel"])
    assert known.groupby("channel").size().to_dict() == expected.visitors.to_dict()
