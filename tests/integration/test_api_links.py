"""Links over HTTP through a real Kafka, with the agent's own rule at its other end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.settings import ApiSettings
from ingest.kafka import KafkaSettings
from tests.integration.links_agent import links_agent

NOWHERE = "http://127.0.0.1:9"
Json = dict[str, Any]

pytestmark = pytest.mark.kafka


def settings_of(kafka: KafkaSettings, **more: Any) -> ApiSettings:
    return ApiSettings(**kafka.model_dump(), clickhouse=NOWHERE, default_domain="go.example", **more)


async def until_ready(client: httpx.AsyncClient) -> None:
    """ClickHouse is away in these tests; the topics are not."""
    for _ in range(200):
        if (await client.get("/-/ready")).json()["missing"] == ["clickhouse"]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the API never read its topics to their ends")


@pytest.fixture
async def client(kafka: KafkaSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings_of(kafka)) as client:
        yield client


def serving(settings: ApiSettings) -> Any:
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def serve() -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(settings)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.test") as client,
        ):
            await until_ready(client)
            yield client

    return serve()


async def test_a_link_is_made_read_changed_and_deleted(client: httpx.AsyncClient, kafka: KafkaSettings) -> None:
    with links_agent(kafka):
        made = await client.post(
            "/v1/links", json={"destination": "https://shop.example/a", "slug": "sale", "tags": ["autumn"]}
        )
        assert made.status_code == 201, made.text
        link = made.json()
        assert link["domain"] == "go.example"
        assert link["address"] == "https://go.example/sale"
        assert link["version"] == 1
        assert made.headers["location"] == f"/v1/links/{link['id']}"
        address = made.headers["location"]
        assert (await client.get(address)).json() == link
        changed = await client.patch(address, json={"title": "Sale"}, headers={"if-match": made.headers["etag"]})
        assert changed.status_code == 200, changed.text
        assert changed.json() == {**link, "title": "Sale", "version": 2, "updated_at": changed.json()["updated_at"]}
        stale = await client.delete(address, headers={"if-match": made.headers["etag"]})
        assert stale.status_code == 412
        assert stale.json()["error"]["code"] == "stale_version"
        assert (await client.delete(address)).status_code == 204
        assert (await client.get(address)).status_code == 404
        assert (await client.get("/v1/links")).json() == {"links": [], "total": 0, "next": None}
