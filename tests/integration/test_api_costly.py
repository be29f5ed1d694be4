"""A key whose queries would cost the earth: they end at their limits, and another key's go on as before (fault 35)."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.keys.caller import Scope
from api.keys.key import make
from api.keys.table import write
from api.settings import ApiSettings
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.integration.rows import FENCE, TOPIC
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

ROWS = 300_000
SECONDS = 4
"""That a query may take."""
GREEDY = 12
"""Queries that the greedy key keeps under way."""
SAMPLES = 20
SLOWER = 8.0
"""At most so many times its quiet p99 has another key to wait: the engine's cores are shared, and may be two."""

_FILL = f"""
INSERT INTO events (topic_id, kafka_partition, kafka_offset, fence, append_time, batch_time, ts, domain, outcome, kind,
    visitor_id, salt_day, path, channel, city)
SELECT '{TOPIC}', 0, number, {FENCE}, '2026-11-20 00:00:00', '2026-11-20 00:00:00',
    toDateTime64('2026-11-01 00:00:00', 3, 'UTC') + number * 2, 'go.example', 'human', 'click',
    cityHash64(number), toDate('2026-11-01') + intDiv(number, 43200), concat('/', hex(cityHash64(number, 1))),
    ['Email', 'Direct', 'Paid Search'][number % 3 + 1], hex(number % 5000)
FROM numbers({ROWS})
"""


@pytest.fixture(scope="module")
def filled(warehouse_server: EmbeddedServer) -> Iterator[WarehouseSettings]:
    with database_of_its_own(warehouse_server) as settings:
        with connect(settings) as client:
            client.command(f"INSERT INTO fences VALUES ('{TOPIC}', 0, {FENCE})")
            client.command(_FILL)
        yield settings


@asynccontextmanager
async def serving(warehouse: WarehouseSettings, **more: Any) -> AsyncIterator[tuple[httpx.AsyncClient, str, str]]:
    """An API and the keys of two callers."""
    made = [make(name, [Scope.READ], [], now=datetime.now(UTC)) for name in ("greedy", "other")]
    with connect(warehouse) as table:
        for key, _ in made:
            write(table, key)
    settings = ApiSettings(
        **warehouse.model_dump(),
        kafka="127.0.0.1:9",
        api_key_requests=0,
        query_seconds=SECONDS,
        query_megabytes=100,
        **more,
    )
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api.test", timeout=60) as client,
    ):
        greedy, other = (f"Bearer {text}" for _, text in made)
        yield client, greedy, other


def costly(number: int) -> dict[str, Any]:
    """Every minute and path by every visitor, through patterns: never the same twice, so that nothing is shared."""
    return {
        "metrics": ["clicks", "visitors", "clicks_per_visitor", "share"],
        "dimensions": ["time:minute", "path", "city", "channel"],
        "date_range": "all",
        "exact": True,
        "filters": [["matches", "path", [f"(A|B|C|{number}).*[0-9A-F]+.*[^{part}]$" for part in range(10)]]],
        "order_by": [["clicks_per_visitor", "asc"]],
    }


async def waits(client: httpx.AsyncClient, key: str, numbers: Iterator[int]) -> float:
    """p99 of another caller's everyday queries, one after the other, in seconds."""
    took = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        start = f"2026-11-01T00:{next(numbers) % 60:02}:{next(numbers) % 60:02}Z"  # no two of them within a second
        body = {"metrics": ["clicks"], "dimensions": ["channel"], "date_range": [start, "2026-11-11T00:00:00Z"]}
        answer = await client.post("/v1/query", json=body, headers={"authorization": key})
        assert answer.status_code == 200, answer.text
        took.append(time.perf_counter() - began)
    return sorted(took)[-max(SAMPLES // 100, 1)]


@asynccontextmanager
async def greedily(client: httpx.AsyncClient, key: str) -> AsyncIterator[Counter[tuple[int, str]]]:
    """A key that keeps many costly queries under way; what they are answered with."""
    answers: Counter[tuple[int, str]] = Counter()
    numbers = count(1000)

    async def ask() -> None:
        while True:
            answer = await client.post("/v1/query", json=costly(next(numbers)), headers={"authorization": key})
            answers[answer.status_code, answer.json().get("error", {}).get("code", "")] += 1

    asking = [asyncio.create_task(ask()) for _ in range(GREEDY)]
    await asyncio.sleep(1)
    try:
        yield answers
    finally:
        for task in asking:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_a_greedy_key_ends_at_its_limits_and_others_wait_little_longer(filled: WarehouseSettings) -> None:
    async with serving(filled, api_key_queries=2) as (client, greedy, other):
        numbers = count()
        quiet = await waits(client, other, numbers)
        async with greedily(client, greedy) as answers:
            loud = await waits(client, other, numbers)
            async with asyncio.timeout(60):
                while not answers[422, "too_expensive"]:
                    await asyncio.sleep(0.1)
    ratio = loud / quiet
    print(f"p99 {quiet:.3f} s quiet, {loud:.3f} s beside {dict(answers)}: {ratio:.1f} times")  # `pytest -s` shows it
    assert set(answers) <= {(422, "too_expensive"), (429, "too_many"), (200, "")}
    assert ratio < SLOWER or loud < SECONDS
