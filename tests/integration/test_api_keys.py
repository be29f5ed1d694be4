"""Keys on the real engine: made and revoked by the command, held to by every endpoint within a second."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog
from click.testing import CliRunner

from api.app import create_app
from api.settings import ApiSettings
from deploy.cli import weir
from tests.fixtures.services import environment_of
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.integration.rows import clicks, insert, make_rows
from warehouse.settings import WarehouseSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")
START = datetime(2026, 10, 30, tzinfo=UTC)
ROWS = make_rows(600, seed=4, start=START, span=timedelta(days=2))
FOREIGN = [{**row, "domain": "other.example"} for row in ROWS[::3]]
ASK = {"metrics": ["clicks", "events"], "date_range": ["2026-10-29", "2026-11-02"]}


@pytest.fixture(scope="module")
def filled(warehouse_server: EmbeddedServer) -> Iterator[WarehouseSettings]:
    with database_of_its_own(warehouse_server) as settings:
        rows = [{**row, "domain": "go.example"} for row in ROWS]
        rows[::3] = FOREIGN
        insert(settings, rows)
        yield settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(filled: WarehouseSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(ApiSettings(**filled.model_dump(), kafka="127.0.0.1:9", api_host="0.0.0.0", api_key_requests=150))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.test", timeout=60) as client,
    ):
        yield client


class Commands:
    """`weir api-keys`, on the database of the module."""

    def __init__(self, settings: WarehouseSettings) -> None:
        self._environment = environment_of(settings)

    def __call__(self, *words: str, code: int = 0) -> str:
        result = CliRunner(env=self._environment).invoke(weir, ["api-keys", *words])
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output if code else result.stdout

    def add(self, name: str, *words: str) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self("add", name, *words, "--json"))
        return made


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """What the API logs meanwhile is not what the command prints."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def keys(filled: WarehouseSettings) -> Commands:
    return Commands(filled)


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {key['text']}"}


async def until(client: httpx.AsyncClient, key: dict[str, Any], status: int) -> float:
    """Seconds until a query with the key has that status."""
    began = asyncio.get_running_loop().time()
    for _ in range(100):
        answer = await client.post("/v1/query", json=ASK, headers=bearer(key))
        if answer.status_code == status:
            return asyncio.get_running_loop().time() - began
        await asyncio.sleep(0.05)
    raise AssertionError(answer.text)


async def test_a_key_counts_within_a_second_and_is_revoked_within_one(
    client: httpx.AsyncClient, keys: Commands
) -> None:
    key = keys.add("Ann", "--expires", "2099-01-01")
    assert key["text"].startswith(f"weir_{key['key']}_")
    assert await until(client, key, 200) < 3
    listed = json.loads(keys("list", "--json"))
    assert [one["name"] for one in listed if one["key"] == key["key"]] == ["Ann"]
    assert key["text"] not in keys("list") + json.dumps(listed)
    keys("revoke", key["text"][:13])
    assert await until(client, key, 401) < 3
    assert "already" in keys("revoke", key["key"], code=1)
    assert "no key" in keys("revoke", "00000000", code=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", ""], "1 to 128"),
        (["add", "x", "--domain", "no domain"], "--domain"),
        (["add", "x", "--expires", "2020-01-01"], "over already"),
        (["add", "x", "--scope", "admin", "--domain", "go.example"], "every domain"),
        (["add", "x", "--scope", "write"], "write"),
    ],
)
async def test_what_can_not_be_is_told(keys: Commands, words: list[str], said: str) -> None:
    assert said in keys(*words, code=2)


async def test_a_limited_key_sees_its_domain_and_nothing_else(client: httpx.AsyncClient, keys: Commands) -> None:
    key = keys.add("shop", "--domain", "go.example")
    await until(client, key, 200)
    own = [row for row in ROWS if row not in ROWS[::3]]
    for filters in (
        [],
        [["is_not", "domain", ["go.example"]]],
        [["or", [["is", "domain", ["other.example"]], ["exists", "domain"]]]],
        [["not", ["is", "domain", ["go.example"]]]],
    ):
        body = {**ASK, "dimensions": ["domain"], "filters": filters, "include": {"totals": True}}
        answer = (await client.post("/v1/query", json=body, headers=bearer(key))).json()
        assert {row["dimensions"][0] for row in answer["results"]} <= {"go.example"}
        assert sum(answer["meta"]["left_out"].values()) <= len(own)
    answer = (await client.get("/v1/breakdown/domain?range=all&metrics=clicks", headers=bearer(key))).json()
    assert [row["metrics"] for row in answer["results"]] == [[clicks(own)]]
    other = "filter=domain=other.example"
    for asked in ("", f"&{other}"):
        raw = (await client.get(f"/v1/clicks?range=all&rows=events{asked}", headers=bearer(key))).json()
        assert [row["domain"] for row in raw["results"]] == ([] if asked else ["go.example"] * len(own))
        top = (await client.get(f"/v1/top/links?range=all{asked}", headers=bearer(key))).json()
        assert {row["dimensions"][3] for row in top["results"]} == (set() if asked else {"go.example"})
        places = (await client.get(f"/v1/positions?range=all{asked}", headers=bearer(key))).json()
        found = sum(place["clicks"] for place in places["positions"])
        assert found == (0 if asked else clicks(row for row in own if row["position"]))


async def test_a_scope_is_held_to_and_the_limit_of_rate_is_told(client: httpx.AsyncClient, keys: Commands) -> None:
    reader, owner = keys.add("reader"), keys.add("owner", "--scope", "links", "--domain", "go.example")
    await until(client, reader, 200)
    await until(client, owner, 403)
    for method, path in (("POST", "/v1/links"), ("DELETE", "/v1/links/0123456789abcdef"), ("GET", "/v1/ledger")):
        refused = await client.request(method, path, json={}, headers=bearer(reader))
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden"), path
    foreign = {"destination": "https://x.example", "domain": "other.example"}
    refused = await client.post("/v1/links", json=foreign, headers=bearer(owner))
    assert (refused.status_code, refused.json()["error"]["field"]) == (403, "domain")
    for _ in range(300):
        last = await client.get("/v1/nothing", headers=bearer(owner))
        assert last.headers["ratelimit-policy"] == '"key";q=150;w=60'
        if last.status_code == 429:
            break
        assert last.status_code == 404
    assert last.json()["error"]["code"] == "too_many"
    assert int(last.headers["retry-after"]) >= 1
    assert last.headers["ratelimit"].startswith('"key";r=0;t=')
    assert (await client.post("/v1/query", json=ASK, headers=bearer(reader))).status_code == 200
