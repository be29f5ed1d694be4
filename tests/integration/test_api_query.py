"""Answers of the API on the real engine, each compared with plain Python over the same rows."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio

from api.app import create_app
from api.dimensions import DIMENSIONS, Shape
from api.errors import Internal, TooExpensive
from api.metrics import LEFT_OUT, METRICS
from api.query.run import Warehouse
from api.query.statement import Statement
from api.settings import ApiSettings
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.integration.rows import CHANNELS, Row, clicks, insert, make_rows, visitors
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = datetime(2026, 10, 30, tzinfo=UTC)
ROWS = make_rows(3000, seed=2, start=START, span=timedelta(days=5))
RANGE = ["2026-10-29", "2026-11-05"]
Json = dict[str, Any]


async def opened(warehouse: WarehouseSettings, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(ApiSettings(**warehouse.model_dump(), kafka="127.0.0.1:9", **more))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.test", timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def filled(warehouse_server: EmbeddedServer) -> Iterator[WarehouseSettings]:
    """A database with `ROWS`, which no test changes."""
    with database_of_its_own(warehouse_server) as settings:
        insert(settings, ROWS)
        yield settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(filled: WarehouseSettings) -> AsyncIterator[httpx.AsyncClient]:
    async for client in opened(filled):
        yield client


async def ask(client: httpx.AsyncClient, **more: Any) -> Json:
    body = {"metrics": ["clicks"], "date_range": RANGE, "time_zone": "UTC", **more}
    answer = await client.post("/v1/query", json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def table(answer: Json) -> dict[tuple[Any, ...], list[Any]]:
    return {tuple(row["dimensions"]): row["metrics"] for row in answer["results"]}


def counted(rows: list[Row], key: Callable[[Row], Any], count: Callable[[list[Row]], int] = clicks) -> dict[Any, int]:
    """The rows' count by a key, without those that are 0."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return {(found,): count(group) for found, group in groups.items() if count(group)}


async def test_every_metric_is_what_plain_python_counts(client: httpx.AsyncClient) -> None:
    answer = await ask(client, metrics=list(METRICS), include={"totals": True, "total_rows": True})
    [row] = answer["results"]
    found = dict(zip(METRICS, row["metrics"], strict=True))
    known = [row for row in ROWS if row["visitor_id"]]
    assert found == {
        "clicks": clicks(ROWS),
        "visitors": visitors(ROWS),
        "share": 100.0,
        "clicks_per_visitor": round(clicks(known) / visitors(ROWS), 3),
        "suspects": sum(row["outcome"] == "suspect" for row in ROWS),
        "events": len(ROWS),
        **{name: sum(row["outcome"] == outcome for row in ROWS) for name, outcome in LEFT_OUT.items()},
    }
    assert answer["meta"]["totals"] == row["metrics"]
    assert answer["meta"]["left_out"] == {name: found[name] for name in LEFT_OUT}
    assert answer["meta"]["rows_read"] >= len(ROWS)
    assert answer["meta"]["table"] == "events"


@pytest.mark.parametrize("exact", [False, True])
async def test_a_breakdown_with_shares_totals_and_pages(client: httpx.AsyncClient, exact: bool) -> None:
    metrics = ["clicks", "visitors", "share"]
    include = {"totals": True, "total_rows": True}
    answer = await ask(client, metrics=metrics, dimensions=["channel"], include=include, exact=exact)
    expected = counted(ROWS, lambda row: row["channel"])
    unique = counted(ROWS, lambda row: row["channel"], visitors)
    every = clicks(ROWS)
    rows = sorted(expected, key=lambda name: (-expected[name], name))
    assert [tuple(row["dimensions"]) for row in answer["results"]] == rows
    assert table(answer) == {
        name: [expected[name], unique[name], round(100 * expected[name] / every, 2)] for name in rows
    }
    assert answer["meta"]["totals"] == [every, visitors(ROWS), 100.0]
    assert answer["meta"]["total_rows"] == len(CHANNELS)
    second = await ask(
        client,
        metrics=metrics,
        dimensions=["channel"],
        include=include,
        exact=exact,
        pagination={"limit": 2, "offset": 2},
    )
    assert second["results"] == answer["results"][2:4]
    assert second["meta"]["totals"] == answer["meta"]["totals"]


ZONES = ["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]


def local(row: Row, zone: str) -> datetime:
    moment: datetime = row["ts"]
    return moment.astimezone(ZoneInfo(zone))


def hour(row: Row, zone: str) -> str:
    moment = local(row, zone)
    offset = moment.utcoffset() or timedelta()
    wall = (moment.astimezone(UTC) + offset).replace(minute=0, second=0, microsecond=0)
    return (wall - offset).astimezone(ZoneInfo(zone)).isoformat()


BUCKETS: dict[str, Callable[[Row, str], str]] = {
    "time:minute": lambda row, zone: local(row, zone).replace(second=0, microsecond=0).isoformat(),
    "time:hour": hour,
    "time:day": lambda row, zone: local(row, zone).date().isoformat(),
    "time:week": lambda row, zone: (local(row, zone).date() - timedelta(local(row, zone).weekday())).isoformat(),
    "time:month": lambda row, zone: local(row, zone).date().replace(day=1).isoformat(),
    "time:year": lambda row, zone: local(row, zone).date().replace(month=1, day=1).isoformat(),
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("bucket", BUCKETS)
async def test_buckets_of_time_are_the_zones(client: httpx.AsyncClient, bucket: str, zone: str) -> None:
    """The range holds New York's day of 25 hours."""
    answer = await ask(
        client,
        dimensions=[bucket],
        time_zone=zone,
        pagination={"limit": 10_000},
        include={"time_labels": bucket != "time:minute"},
    )
    assert table(answer) == {
        name: [count] for name, count in counted(ROWS, lambda row: BUCKETS[bucket](row, zone)).items()
    }
    shown = [row["dimensions"][0] for row in answer["results"]]
    assert shown == sorted(shown, key=datetime.fromisoformat)
    if bucket != "time:minute":
        assert set(shown) <= set(answer["meta"]["time_labels"])


async def test_the_hours_of_days_that_shift(warehouse: WarehouseSettings) -> None:
    """A click every ten minutes over days on which clocks go forward and back, by an hour and by half an hour."""
    days = [datetime(2026, *day, tzinfo=UTC) for day in ((3, 8), (11, 1), (4, 4), (10, 3))]
    moments = [day + timedelta(minutes=10 * step) for day in days for step in range(288)]
    template = {**make_rows(1, seed=1, start=START, span=timedelta(1))[0], "outcome": "human"}
    rows = [{**template, "kafka_offset": offset, "ts": ts} for offset, ts in enumerate(moments)]
    insert(warehouse, rows)
    async for client in opened(warehouse):
        for zone in ZONES:
            answer = await ask(client, dimensions=["time:hour"], time_zone=zone, date_range="all")
            expected = counted(rows, partial(hour, zone=zone))
            assert table(answer) == {name: [count] for name, count in expected.items()}
        answer = await ask(
            client,
            dimensions=["time:hour"],
            time_zone="America/New_York",
            date_range=["2026-11-01", "2026-11-01"],
            include={"time_labels": True},
        )
        assert len(answer["results"]) == 25
        assert [row["dimensions"][0] for row in answer["results"]] == answer["meta"]["time_labels"]
        assert all(row["metrics"] == [6] for row in answer["results"])


FILTERS: list[tuple[list[Any], Callable[[Row], bool]]] = [
    (["is", "channel", ["Email", CHANNELS[-1]]], lambda row: row["channel"] in {"Email", CHANNELS[-1]}),
    (["is_not", "channel", ["Email"]], lambda row: row["channel"] != "Email"),
    (["is", "channel", ["EMAIL"], {"case_sensitive": False}], lambda row: row["channel"] == "Email"),
    (["contains", "channel", ["\\ {odd", "rect"]], lambda row: row["channel"] in {"Direct", CHANNELS[-1]}),
    (["contains_not", "channel", ["e"]], lambda row: "e" not in row["channel"]),
    (["contains", "path", ["äö"], {"case_sensitive": False}], lambda row: "ÄÖ" in row["path"]),
    (["starts_with", "path", ["/S", "/h"]], lambda row: row["path"][:2] in {"/S", "/h"}),
    (["ends_with_not", "path", ["x", "e"]], lambda row: row["path"][-1] not in "xe"),
    (["starts_with", "path", ["/SALE/ä"], {"case_sensitive": False}], lambda row: "ÄÖ" in row["path"]),
    (["matches", "path", [r"^/s.le$", r"\?x"]], lambda row: row["path"] in {"/sale", "/help?x"}),
    (["matches_not", "path", ["SALE"], {"case_sensitive": False}], lambda row: row["path"] == "/help?x"),
    (["exists", "channel"], lambda row: row["channel"] != ""),
    (["exists_not", "position"], lambda row: row["position"] == 0),
    (["exists", "placement"], lambda row: row["placement"] != "unknown"),
    (["is", "position", [1, "10"]], lambda row: row["position"] in {1, 10}),
    (["is", "link", ["ffff000000000001"]], lambda row: row["link_id"] == 0xFFFF_0000_0000_0001),
    (["is", "device", ["mobile"]], lambda row: row["device"] == "mobile"),
    (["contains", "device", ["esk"]], lambda row: row["device"] == "desktop"),
    (["is", "outcome", ["suspect"]], lambda row: row["outcome"] == "suspect"),
    (
        ["or", [["is", "country", ["NP"]], ["and", [["is", "device", ["mobile"]], ["not", ["exists", "country"]]]]]],
        lambda row: row["country"] == "NP" or (row["device"] == "mobile" and row["country"] == ""),
    ),
]


@pytest.mark.parametrize(
    ("condition", "holds"), FILTERS, ids=lambda value: str(value) if isinstance(value, list) else ""
)
async def test_filters_hold_what_they_say(
    client: httpx.AsyncClient, condition: list[Any], holds: Callable[[Row], bool]
) -> None:
    kept = [row for row in ROWS if holds(row)]
    answer = await ask(client, metrics=["clicks", "events"], filters=[condition])
    assert table(answer) == {(): [clicks(kept), len(kept)]}
    inverse = await ask(client, metrics=["events"], filters=[["not", condition]])
    assert table(inverse) == {(): [len(ROWS) - len(kept)]}


@pytest.mark.parametrize("name", DIMENSIONS)
async def test_every_dimension_can_be_asked_and_filtered(client: httpx.AsyncClient, name: str) -> None:
    answer = await ask(client, metrics=["events"], dimensions=[name], pagination={"limit": 10_000})
    assert sum(row["metrics"][0] for row in answer["results"]) == len(ROWS)
    if DIMENSIONS[name].is_time:
        return
    value, count = answer["results"][0]["dimensions"][0], answer["results"][0]["metrics"][0]
    rules: list[list[Any]] = [["is", name, [value]]]
    if DIMENSIONS[name].shape in {Shape.TEXT, Shape.CHOICE}:
        rules += [[rule, name, [value]] for rule in ("contains", "starts_with", "ends_with")]
        rules += [["matches", name, [f"^{re.escape(value)}$"]]]
        rules += [[*rule, {"case_sensitive": False}] for rule in rules]
    every = await ask(client, metrics=["events"], filters=[["exists", name], *rules])
    assert table(every) == {(): [0 if value == DIMENSIONS[name].absent else count]}


async def test_names_of_links_are_dimensions(warehouse: WarehouseSettings) -> None:
    insert(warehouse, ROWS[:500])
    with connect(warehouse) as engine:
        engine.insert(
            "links",
            [[1, "go.example", "sale", "Big sale", "autumn", 1]],
            column_names=["link_id", "domain", "slug", "title", "campaign", "version"],
        )
        engine.command("SYSTEM RELOAD DICTIONARY links_dict")
    names = ["link", "slug", "title", "campaign"]
    async for client in opened(warehouse):
        answer = await ask(client, dimensions=names, filters=[["is", "title", ["Big sale"]]])
    expected = counted(ROWS[:500], lambda row: row["link_id"])[1,]
    assert table(answer) == {("0000000000000001", "sale", "Big sale", "autumn"): [expected]}


async def test_another_edition_is_not_counted(warehouse: WarehouseSettings) -> None:
    insert(warehouse, ROWS[:100])
    insert(warehouse, [{**row, "edition": 1} for row in ROWS[:50]])
    async for client in opened(warehouse):
        assert table(await ask(client, metrics=["events"])) == {(): [100]}


async def test_a_range_holds_its_start_and_not_its_end(client: httpx.AsyncClient) -> None:
    first, last = sorted(ROWS, key=lambda row: row["ts"])[100], sorted(ROWS, key=lambda row: row["ts"])[200]
    pair = [first["ts"].isoformat(), last["ts"].isoformat()]
    kept = [row for row in ROWS if first["ts"] <= row["ts"] < last["ts"]]
    answer = await ask(client, metrics=["events"], date_range=pair, time_zone="Asia/Kathmandu")
    assert table(answer) == {(): [len(kept)]}
    assert answer["query"]["date_range_utc"] == pair


async def test_a_comparison_is_the_other_ranges_answer(client: httpx.AsyncClient) -> None:
    """The second page too, and shares of all there was."""
    asked: Json = {"metrics": ["clicks", "share", "visitors"], "dimensions": ["channel", "time:day"]}
    days = [["2026-11-01", "2026-11-02"], ["2026-10-30", "2026-10-31"]]
    include = {"comparisons": {"mode": "previous_period"}, "totals": True}
    page = {"limit": 3, "offset": 2}
    answer = await ask(client, **asked, date_range=days[0], include=include, pagination=page)
    before = await ask(client, **asked, date_range=days[1], include={"totals": True})
    earlier = table(before)
    assert len(answer["results"]) == 3
    for row in answer["results"]:
        channel, day = row["dimensions"]
        key = (channel, "2026-10-30" if day == "2026-11-01" else "2026-10-31")
        found = row["comparison"]
        assert (found["dimensions"], found["metrics"]) == ([*key], earlier[key])
        assert found["change"][0] == round(100 * (row["metrics"][0] - earlier[key][0]) / earlier[key][0], 2)
    compared = answer["meta"]["comparison"]
    assert compared["date_range_utc"] == before["query"]["date_range_utc"]
    assert compared["totals"] == before["meta"]["totals"]
    echo = {name: value for name, value in answer["query"].items() if name != "date_range_utc"}
    assert (await client.post("/v1/query", json=echo)).json()["results"] == answer["results"]


@pytest.mark.parametrize("dimensions", [[], ["link"], ["position", "device"], ["time:hour"], ["title"]])
async def test_every_kind_of_row_finds_its_counterpart(client: httpx.AsyncClient, dimensions: list[str]) -> None:
    include = {"comparisons": {"mode": "custom", "date_range": RANGE}}
    page = {"limit": 50}
    answer = await ask(client, metrics=["clicks"], dimensions=dimensions, include=include, pagination=page)
    assert answer["results"]
    for row in answer["results"]:
        comparison = {"dimensions": row["dimensions"], "metrics": row["metrics"], "change": [0.0]}
        assert row["comparison"] == comparison


async def test_what_was_not_there_before_has_no_rate(client: httpx.AsyncClient) -> None:
    include = {"comparisons": {"mode": "custom", "date_range": ["2020-01-01", "2020-01-02"]}, "totals": True}
    answer = await ask(client, metrics=["clicks", "share"], dimensions=["channel"], include=include)
    assert all(row["comparison"]["metrics"] == [0, None] for row in answer["results"])
    assert all(row["comparison"]["change"] == [None, None] for row in answer["results"])
    assert answer["meta"]["comparison"]["change"] == [None, None]


async def test_empty_buckets_have_rows_and_pages(client: httpx.AsyncClient) -> None:
    asked: Json = {"dimensions": ["time:day"], "include": {"empty_buckets": True, "total_rows": True}}
    answer = await ask(client, **asked, date_range=["2026-10-25", "2026-11-08"])
    expected = counted(ROWS, lambda row: BUCKETS["time:day"](row, "UTC"))
    assert len(answer["results"]) == answer["meta"]["total_rows"] == 15
    assert {key: count for key, [count] in table(answer).items() if count} == expected
    page = await ask(client, **asked, date_range=["2026-10-25", "2026-11-08"], pagination={"limit": 4, "offset": 3})
    assert page["results"] == answer["results"][3:7]


async def test_what_nobody_clicked_is_left_out_but_told(client: httpx.AsyncClient) -> None:
    filters = [["is", "outcome", ["bot", "prefetch"]]]
    answer = await ask(client, dimensions=["channel"], filters=filters, include={"total_rows": True})
    assert answer["results"] == []
    assert answer["meta"]["total_rows"] == 0
    assert answer["meta"]["left_out"]["bots"] == sum(row["outcome"] == "bot" for row in ROWS)


async def test_the_address_bar_asks_the_same(client: httpx.AsyncClient) -> None:
    asked = "from=2026-10-29&to=2026-11-05&metrics=clicks&filter=country=CH|NP&filter=channel!=Direct&limit=2"
    short = await client.get(f"/v1/breakdown/channel?{asked}")
    long = await ask(
        client,
        dimensions=["channel"],
        filters=[["is", "country", ["CH", "NP"]], ["is_not", "channel", ["Direct"]]],
        pagination={"limit": 2},
    )
    assert short.json()["results"] == long["results"]
    series = await client.get("/v1/timeseries?interval=week&from=2026-10-29&to=2026-11-05&metrics=clicks&format=csv")
    assert series.headers["content-type"].startswith("text/csv")
    expected = counted(ROWS, lambda row: BUCKETS["time:week"](row, "UTC"))
    lines = [f"{name},{count}" for (name,), count in sorted(expected.items())]
    assert series.text.splitlines() == ["time:week,clicks", *lines]


async def test_a_long_list_of_values_has_room(client: httpx.AsyncClient) -> None:
    values = [f"{number:03}" + "\\'\t" * 25 for number in range(249)]
    answer = await ask(client, filters=[["is", "channel", [*values, "Email"]]])
    assert table(answer) == {(): [clicks([row for row in ROWS if row["channel"] == "Email"])]}


async def test_a_query_can_not_write(warehouse: WarehouseSettings) -> None:
    async with Warehouse(ApiSettings(**warehouse.model_dump())) as runner:
        with pytest.raises(Internal):
            await runner.run(Statement("INSERT INTO fences SELECT generateUUIDv4(), 0, 1", {}))


@pytest.mark.parametrize(
    ("limit", "sql"),
    [
        ("time", "SELECT max(sipHash64(number)) FROM numbers(100000000000)"),
        ("memory", "SELECT uniqExact(number) FROM numbers(100000000)"),
        ("rows", "SELECT max(number) FROM system.numbers LIMIT 200000000"),
    ],
)
async def test_a_query_that_takes_too_much_is_told_so(warehouse: WarehouseSettings, limit: str, sql: str) -> None:
    rows = 100_000 if limit == "rows" else 0
    settings = ApiSettings(**warehouse.model_dump(), query_seconds=1, query_megabytes=50, query_rows=rows)
    async with Warehouse(settings) as runner:
        with pytest.raises(TooExpensive, match=limit) as refused:
            await runner.run(Statement(sql, {}))
        assert refused.value.extra == {"limit": limit}


async def test_who_asks_too_much_is_told_why_no_rollup_helps(filled: WarehouseSettings) -> None:
    async for client in opened(filled, query_rows=100):
        body = {"metrics": ["clicks"], "dimensions": ["path"], "date_range": "all"}
        refused = await client.post("/v1/query", json=body)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["limit"]) == (422, "too_expensive", "rows")
        assert error["hint"].startswith("Nothing has been rolled up yet. Ask for a shorter range")


async def test_what_is_there_already_is_not_sent_again(client: httpx.AsyncClient) -> None:
    address = "/v1/breakdown/channel?from=2026-10-29&to=2026-11-05&time_zone=UTC"
    first = await client.get(address)
    tag = first.headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await client.get(address, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "private, no-cache"
    for other in ("&metrics=visitors", "&format=csv", "&filter=country=CH"):
        answer = await client.get(address + other, headers={"if-none-match": tag})
        assert answer.status_code == 200
        assert answer.headers["etag"] != tag
    body = {"metrics": ["clicks"], "date_range": RANGE}
    assert (await client.post("/v1/query", json=body, headers={"if-none-match": "*"})).status_code == 200
