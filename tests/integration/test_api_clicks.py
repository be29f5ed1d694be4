"""Raw clicks through the API: what the views show, in every format, of any number, and never a part as the whole."""

import asyncio
import csv
import io
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psutil
import pyarrow.ipc
import pyarrow.parquet
import pytest
import pytest_asyncio

from api.app import create_app
from api.clicks.columns import RAW_COLUMNS
from api.settings import ApiSettings
from tests.fixtures.api import api_process
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.integration.rows import TOPIC, insert, make_rows
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = datetime(2026, 10, 30, tzinfo=UTC)
FORMULA = "=cmd()"
ROWS = [
    {**row, "user_agent": FORMULA if place % 7 == 0 else "Mozilla", "reasons": ["=a", "b"], "extra": {"plan": "x"}}
    for place, row in enumerate(make_rows(400, seed=5, start=START, span=timedelta(days=2)))
]
RANGE = "from=2026-10-30&to=2026-10-31&time_zone=UTC"
MANY = 300_000
Json = dict[str, Any]


@pytest.fixture(scope="module")
def filled(warehouse_server: EmbeddedServer) -> Iterator[WarehouseSettings]:
    """A database with `ROWS` in October and `MANY` clicks in September, which no test changes."""
    with database_of_its_own(warehouse_server) as settings:
        insert(settings, ROWS)
        with connect(settings) as engine:
            engine.command(
                "INSERT INTO events (topic_id, kafka_partition, kafka_offset, fence, batch_time, append_time, ts, kind,"
                " outcome, verdict, domain, user_agent, destination)"
                f" SELECT '{TOPIC}', 0, number + 1000, 7, '2026-09-01', '2026-09-01',"
                " toDateTime64('2026-09-01', 3) + number, 'click', 'human', 'human',"
                " 'go.example', randomPrintableASCII(150), randomPrintableASCII(150)"
                f" FROM numbers({MANY})"
            )
        yield settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(filled: WarehouseSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(ApiSettings(**filled.model_dump(), kafka="127.0.0.1:9"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.test", timeout=60) as client,
    ):
        yield client


def view(settings: WarehouseSettings, name: str) -> list[Json]:
    """The rows of a view as JSON, in the API's order and its form of what is not the same there."""
    with connect(settings) as engine:
        text = engine.raw_query(
            "SELECT * REPLACE (if(visitor_id = 0, '', lower(leftPad(hex(visitor_id), 16, '0'))) AS visitor_id)"
            f" FROM {name} WHERE time >= '2026-10-30' AND time < '2026-11-01'"
            " ORDER BY time, kafka_partition, kafka_offset",
            fmt="JSONEachRow",
            settings={"date_time_output_format": "iso", "output_format_json_quote_64bit_integers": 0},
        )
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", ["clicks", "events"])
async def test_they_are_what_the_view_shows(client: httpx.AsyncClient, filled: WarehouseSettings, name: str) -> None:
    answer = (await client.get(f"/v1/clicks?{RANGE}&rows={name}")).json()
    assert answer["results"] == view(filled, f"v_{name}")
    assert list(answer["results"][0]) == list(RAW_COLUMNS)
    assert answer["query"]["columns"] == list(RAW_COLUMNS)
    assert answer["query"]["date_range_utc"] == ["2026-10-30T00:00:00+00:00", "2026-11-01T00:00:00+00:00"]


async def test_every_format_has_the_same_rows(client: httpx.AsyncClient, filled: WarehouseSettings) -> None:
    names = ["time", "link_id", "channel", "user_agent", "position", "reasons", "qr"]
    expected = [{name: row[name] for name in names} for row in view(filled, "v_clicks")]
    answers = {
        name: await client.get(f"/v1/clicks?{RANGE}&columns={','.join(names)}&format={name}")
        for name in ("ndjson", "csv", "arrow", "parquet")
    }
    assert [json.loads(line) for line in answers["ndjson"].text.splitlines()] == expected
    assert list(csv.DictReader(io.StringIO(answers["csv"].text, newline=""))) == [
        {
            **row,
            "position": str(row["position"]),
            "qr": str(bool(row["qr"])).lower(),
            "user_agent": f"'{FORMULA}" if row["user_agent"] == FORMULA else row["user_agent"],
            "reasons": "'=a|b",
        }
        for row in expected
    ]
    with pyarrow.ipc.open_stream(answers["arrow"].content) as stream:
        arrow = stream.read_all().to_pylist()
    assert [{**row, "time": iso(row["time"])} for row in arrow] == expected
    parquet = pyarrow.parquet.read_table(io.BytesIO(answers["parquet"].content)).to_pylist()
    assert parquet == arrow
    assert (
        answers["csv"].headers["content-disposition"] == 'attachment; filename="weir-clicks-2026-10-30-2026-11-01.csv"'
    )


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


async def test_filters_order_and_limit(client: httpx.AsyncClient, filled: WarehouseSettings) -> None:
    asked = "filter=channel=Email&filter=country!=CH&order=desc&limit=5&columns=kafka_offset,channel"
    answer = (await client.get(f"/v1/clicks?{RANGE}&{asked}")).json()
    kept = [row for row in view(filled, "v_clicks") if row["channel"] == "Email" and row["country"] != "CH"]
    assert answer["results"] == [
        {"kafka_offset": row["kafka_offset"], "channel": "Email"} for row in reversed(kept[-5:])
    ]


async def test_no_rows_are_an_answer_too(client: httpx.AsyncClient) -> None:
    asked = "/v1/clicks?from=2026-01-01&to=2026-01-02"
    assert (await client.get(asked)).json()["results"] == []
    assert (await client.get(f"{asked}&format=csv&columns=time")).text == '"time"\r\n'
    assert (await client.head(asked)).status_code == 200


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("columns=chanel", "columns"),
        ("columns=time,time", "columns"),
        ("rows=bots", "rows"),
        ("limit=0", "limit"),
        ("order=up", "order"),
        ("filter=chanel=x", "filter"),
        ("colums=time", "colums"),
        ("from=2026-01-01", "to"),
    ],
)
async def test_what_does_not_fit_is_named(client: httpx.AsyncClient, asked: str, field: str) -> None:
    answer = await client.get(f"/v1/clicks?{asked}")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


SEPTEMBER = "/v1/clicks?from=2026-09-01&to=2026-09-30&columns=time,click_id,user_agent,destination"
EXPORTS = "query LIKE '%user_agent%' AND query LIKE '%click_id%' AND query NOT LIKE '%system.processes%'"


def running(settings: WarehouseSettings) -> int:
    """How many exports run in ClickHouse."""
    with connect(settings) as engine:
        [[count]] = engine.query(f"SELECT count() FROM system.processes WHERE {EXPORTS}").result_rows
    return int(count)


async def has_ended(settings: WarehouseSettings) -> bool:
    limit = time.monotonic() + 20
    while running(settings) and time.monotonic() < limit:
        await asyncio.sleep(0.1)
    return not running(settings)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(filled: WarehouseSettings) -> AsyncIterator[tuple[httpx.AsyncClient, psutil.Process]]:
    """The API as a process of its own, with a tenth of the memory for a query that it has by default."""
    with api_process(filled, query_megabytes=200) as (url, process):
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            yield http, process


async def test_many_rows_take_no_memory(service: tuple[httpx.AsyncClient, psutil.Process]) -> None:
    http, process = service
    await http.get(f"/v1/clicks?{RANGE}")
    before = process.memory_info().rss
    lines = size = highest = 0
    async with http.stream("GET", f"{SEPTEMBER}&format=ndjson") as answer:
        async for chunk in answer.aiter_raw(1 << 20):
            lines, size = lines + chunk.count(b"\n"), size + len(chunk)
            highest = max(highest, process.memory_info().rss)
    assert lines == MANY
    assert size > 100e6
    assert highest - before < 30e6


async def test_a_client_that_leaves_ends_the_query(
    service: tuple[httpx.AsyncClient, psutil.Process], filled: WarehouseSettings
) -> None:
    async with service[0].stream("GET", f"{SEPTEMBER}&format=ndjson") as answer:
        await anext(answer.aiter_raw())
        assert running(filled) == 1
    assert await has_ended(filled)


@pytest.mark.parametrize("format_", ["csv", "parquet"])
async def test_an_answer_that_breaks_off_is_no_answer(
    service: tuple[httpx.AsyncClient, psutil.Process], filled: WarehouseSettings, format_: str
) -> None:
    """ClickHouse gives up in the middle: what was sent ends without its end, and without ClickHouse's words."""
    body = b""
    with connect(filled) as engine:
        async with service[0].stream("GET", f"{SEPTEMBER}&format={format_}") as answer:
            assert answer.status_code == 200
            chunks = answer.aiter_raw()
            body += await anext(chunks)
            engine.command(f"KILL QUERY WHERE {EXPORTS} ASYNC")
            with pytest.raises(httpx.RemoteProtocolError):
                async for chunk in chunks:
                    body += chunk
    assert 0 < len(body) < 100e6
    assert b"exception" not in body.lower()
    assert await has_ended(filled)
