"""The forms of questions for people and spreadsheets, each against plain Python over the same rows."""

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.app import create_app
from api.settings import ApiSettings
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.integration.rows import Row, clicks, insert, make_rows, visitors
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = datetime(2026, 10, 30, tzinfo=UTC)
FIFTHS = ("unknown", "1st 20%", "2nd 20%", "3rd 20%", "4th 20%", "5th 20%")
ROWS = [
    {
        **row,
        "slot": ("", "hero", "=footer")[place % 3],
        # Nobody clicks in the third fifth.
        "placement": FIFTHS[place % 6] if place % 6 != 3 else "unknown",
        "domain": "go.example" if row["link_id"] < 3 else "other.example",
    }
    for place, row in enumerate(make_rows(600, seed=8, start=START, span=timedelta(days=2)))
]
RANGE = "from=2026-10-30&to=2026-10-31&time_zone=UTC&exact=true"
FOUND = {1: ("sale", "Big sale", "go.example"), 2: ("news", "", "go.example")}


@pytest.fixture(scope="module")
def filled(warehouse_server: EmbeddedServer) -> Iterator[WarehouseSettings]:
    with database_of_its_own(warehouse_server) as settings:
        insert(settings, ROWS)
        links = [[id_, domain, slug, title, 1] for id_, (slug, title, domain) in FOUND.items()]
        with connect(settings) as engine:
            engine.insert("links", links, column_names=["link_id", "domain", "slug", "title", "version"])
            engine.command("SYSTEM RELOAD DICTIONARY links_dict")
        yield settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(filled: WarehouseSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(ApiSettings(**filled.model_dump(), kafka="127.0.0.1:9", query_cache_seconds=0))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.test", timeout=60) as client,
    ):
        yield client


async def get(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def cells(client: httpx.AsyncClient, address: str) -> list[list[str]]:
    answer = await client.get(address, headers={"accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text, newline="")))


async def test_top_links_have_names_and_addresses(client: httpx.AsyncClient) -> None:
    answer = await get(client, f"/v1/top/links?{RANGE}&metrics=clicks,visitors")
    expected: list[dict[str, Any]] = []
    for id_ in (1, 2, 0xFFFF_0000_0000_0001):
        rows = [row for row in ROWS if row["link_id"] == id_]
        slug, title, domain = FOUND.get(id_, ("", "", "other.example"))
        address = f"https://{domain}/{slug}" if slug else ""
        metrics = [clicks(rows), visitors(rows)]
        expected.append({"dimensions": [f"{id_:016x}", title, slug, domain], "metrics": metrics, "address": address})
    assert answer["results"] == sorted(expected, key=lambda row: -row["metrics"][0])
    header, first, *_ = await cells(client, f"/v1/top/links?{RANGE}&metrics=clicks&limit=1")
    assert header == ["link", "title", "slug", "domain", "address", "clicks"]
    best = answer["results"][0]
    plain = await get(client, f"/v1/top/links?{RANGE}")
    assert [row["metrics"][0] for row in plain["results"]] == [row["metrics"][0] for row in answer["results"]]
    assert plain["query"]["metrics"] == ["clicks", "share"]
    assert first == [*best["dimensions"], best["address"], str(best["metrics"][0])]


def places(name: str, unknown: Any) -> dict[Any, dict[str, Any]]:
    known = [row for row in ROWS if row[name] != unknown]
    found = {}
    for value in {row[name] for row in known}:
        rows = [row for row in known if row[name] == value]
        share = round(100 * clicks(rows) / clicks(known), 2)
        found[value] = {"clicks": clicks(rows), "visitors": visitors(rows), "share": share}
    return found


async def test_positions_slots_and_fifths(client: httpx.AsyncClient) -> None:
    answer = await get(client, f"/v1/positions?{RANGE}&limit=2")
    by_position, by_slot, by_fifth = places("position", 0), places("slot", ""), places("placement", "unknown")
    assert answer["positions"] == [
        {"value": value, **place}
        for value, place in sorted(by_position.items(), key=lambda item: -item[1]["clicks"])[:2]
    ]
    assert answer["meta"]["positions"]["total_rows"] == len(by_position)
    assert {place.pop("value"): place for place in answer["slots"]} == by_slot
    everybody = visitors(row for row in ROWS if row["placement"] != "unknown")
    nobody = {"clicks": 0, "visitors": 0, "share": 0}
    assert answer["placements"] == [
        {
            "value": name,
            **by_fifth.get(name, nobody),
            "click_through": round(100 * by_fifth.get(name, nobody)["visitors"] / everybody, 2),
        }
        for name in FIFTHS[1:]
    ]
    assert answer["meta"]["placements"]["percentages_of"].keys() == {"share", "click_through"}
    header, *rows = await cells(client, f"/v1/positions?{RANGE}&limit=2")
    assert header == ["by", "value", "clicks", "visitors", "share", "click_through"]
    assert Counter(row[0] for row in rows) == {"position": 2, "slot": 2, "placement": 5}
    assert {row[1] for row in rows if row[0] == "slot"} == {"hero", "'=footer"}


async def test_filters_as_in_a_query(client: httpx.AsyncClient) -> None:
    filters = '[["or", [["is", "slot", ["hero"]], ["not", ["is", "link", ["0000000000000001"]]]]]]'
    answer = await get(client, f"/v1/breakdown/country?{RANGE}&metrics=clicks&filters={filters}&filter=country=CH")
    kept = [row for row in ROWS if row["country"] == "CH" and (row["slot"] == "hero" or row["link_id"] != 1)]
    assert answer["results"] == [{"dimensions": ["CH"], "metrics": [clicks(kept)]}]


async def test_where_nobody_clicked_shares_are_unknown(client: httpx.AsyncClient) -> None:
    answer = await get(client, "/v1/positions?from=2026-01-01&to=2026-01-02")
    assert (answer["positions"], answer["slots"]) == ([], [])
    assert {(row["clicks"], row["share"], row["click_through"]) for row in answer["placements"]} == {(0, None, None)}


async def test_a_timeseries_with_its_empty_buckets_and_the_week_before(client: httpx.AsyncClient) -> None:
    asked = "/v1/timeseries?from=2026-10-29&to=2026-10-31&time_zone=UTC&metrics=clicks&include=empty_buckets"
    header, *rows = await cells(client, f"{asked}&compare=previous_period")
    assert header == ["time:day", "clicks", "clicks_before", "clicks_change"]
    days = Counter(row["ts"].date().isoformat() for row in ROWS if clicks([row]))
    found = {day: days[day] for day in ("2026-10-29", "2026-10-30", "2026-10-31")}
    assert rows == [[day, str(count), "0", "" if count else "0.0"] for day, count in found.items()]
    assert list(found.values()).count(0) == 1


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/v1/top/links?metrics=klicks", "metrics"),
        ("/v1/top/links?include=total", "include"),
        ("/v1/top/links?compare=yesterday", "compare"),
        ("/v1/positions?metrics=clicks", "metrics"),
        ("/v1/positions?filter=chanel=x", "filter"),
        ("/v1/positions?filters=x", "filters"),
        ("/v1/positions?filters={}", "filters"),
        ('/v1/realtime?filters=[["is","chanel",["x"]]]&filter=country=CH', "filters[0][1]"),
        ("/v1/realtime?range=7d", "range"),
        ("/v1/realtime?exact=1", "exact"),
    ],
)
async def test_what_does_not_fit_is_named(client: httpx.AsyncClient, address: str, field: str) -> None:
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


async def test_realtime_is_thirty_minutes_and_who_is_there_now(
    client: httpx.AsyncClient, filled: WarehouseSettings
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    template = {**ROWS[0], "outcome": "human", "verdict": "human", "country": "IS", "salt_day": now.date()}
    ages = {1: 7, 4 * 60: 7, 6 * 60: 8, 28 * 60: 9, 40 * 60: 10}
    new: list[Row] = [
        {**template, "kafka_offset": 10_000 + age, "ts": now - timedelta(seconds=age), "visitor_id": visitor}
        for age, visitor in ages.items()
    ]
    insert(filled, new)
    answer = await get(client, "/v1/realtime?filter=country=IS&time_zone=UTC&exact=true")
    assert len(answer["results"]) == 30
    assert answer["meta"]["totals"][:2] == [4, 3]
    assert answer["meta"]["current_visitors"] == 1
    assert sum(row["metrics"][0] for row in answer["results"]) == 4
    last = datetime.fromisoformat(answer["results"][-1]["dimensions"][0])
    assert timedelta(0) <= datetime.now(UTC) - last < timedelta(minutes=2)
    header, *rows = await cells(client, "/v1/realtime?filter=country=IS")
    assert header == ["time:minute", "clicks", "visitors", "suspects", "bots"]
    assert len(rows) == 30
