"""The live feed as a browser reads it, from the API as a process and the real engine."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.fixtures.api import api_process
from tests.integration.rows import Row, insert, make_rows
from warehouse.settings import WarehouseSettings

TEMPLATE = {**make_rows(1, seed=1, start=datetime(2026, 11, 1, tzinfo=UTC), span=timedelta(1))[0], "verdict": "human"}


def click(offset: int, **more: Any) -> Row:
    now = datetime.now(UTC)
    fields = {"outcome": "human", "channel": "Email", "ts": now, "src": 1, "seq": offset, "salt_day": now.date()}
    return {**TEMPLATE, **fields, "kafka_offset": offset, **more}


async def events(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """Events as they come: `event`, `id` where there is one, `data` read."""
    event: dict[str, Any] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line:
            event[name] = json.loads(value) if name == "data" else value
        elif "event" in event:
            yield event
            event = {}


async def until(feed: AsyncIterator[dict[str, Any]], clicks: int) -> tuple[list[dict[str, Any]], str]:
    """The clicks that are told until the figures count so many, and the id of these figures."""
    told: list[dict[str, Any]] = []
    async for event in feed:
        if event["event"] == "clicks":
            told += event["data"]
        elif event["data"].get("clicks") == clicks:
            return told, event["id"]
    raise AssertionError("the feed ended")


async def refused(http: httpx.AsyncClient, address: str) -> None:
    """What does not fit is named, and what asks for no body gets none."""
    for query, headers, field in (
        ("filter=chanel=x", {}, "filter"),
        ("range=7d", {}, "range"),
        ("", {"last-event-id": "x"}, "Last-Event-ID"),
    ):
        answer = await http.get(f"{address}?{query}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert (await http.head(address)).status_code == 200


async def test_clicks_are_told_as_they_come_until_the_server_stops(warehouse: WarehouseSettings) -> None:
    insert(warehouse, [click(1, position=3), click(2, channel="Direct"), click(3, outcome="bot"), click(4)])
    with api_process(warehouse) as (url, process):
        live = f"{url}/v1/live?filter=channel=Email"
        async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
            await refused(http, f"{url}/v1/live")
            async with http.stream("GET", live) as answer:
                assert answer.headers["content-type"] == "text/event-stream"
                feed = events(answer)
                first, seen = await until(feed, clicks=2)
                assert [(told["channel"], told["outcome"]) for told in first] == [("Email", "human")] * 2
                assert [told["position"] for told in first] == [3, TEMPLATE["position"]]
                assert not {"visitor_id", "network", "user_agent", "recipient_id"} & first[0].keys()
                insert(warehouse, [click(5, country="IS")])
                new, _ = await until(feed, clicks=3)
                assert [told["country"] for told in new] == ["IS"]
                async with http.stream("GET", live, headers={"last-event-id": seen}) as again:
                    missed, _ = await until(events(again), clicks=3)
                    assert missed == new
                process.terminate()
                async for _ in feed:
                    pass
        assert process.wait(5) == 0
