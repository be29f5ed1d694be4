"""Links over HTTP, through a real Kafka, with the real worker at its other end."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
import zxingcpp
from PIL import Image

from api.app import create_app
from api.keys.caller import Scope
from api.keys.key import make
from api.keys.table import write
from api.settings import ApiSettings
from ingest.kafka import KafkaSettings
from ingest.links import link_id
from tests.integration.rows import insert, make_rows
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio(loop_scope="module")]
DESTINATION = "https://shop.example/a"
Json = dict[str, Any]


@asynccontextmanager
async def serving(settings: ApiSettings, missing: tuple[str, ...] = ()) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API that has all that it needs but what is `missing`."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api.test", timeout=60) as client,
    ):
        for _ in range(300):
            if (await client.get("/-/ready")).json()["missing"] == list(missing):
                break
            await asyncio.sleep(0.05)
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(installation: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(installation) as client:
        yield client


async def test_it_is_ready_when_all_links_are_read(client: httpx.AsyncClient) -> None:
    assert (await client.get("/-/ready")).json() == {"ready": True, "missing": []}


async def test_a_link_is_made_read_changed_and_deleted(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/links", json={"destination": DESTINATION, "slug": "sale", "tags": ["autumn"]})
    assert made.status_code == 201, made.text
    link = made.json()
    assert link["domain"] == "go.example"
    assert link["address"] == "https://go.example/sale"
    assert link["version"] == 1
    address = made.headers["location"]
    assert address == f"/v1/links/{link['id']}"
    assert (await client.get(address)).json() == link
    assert (await client.get(address)).headers["etag"] == made.headers["etag"] == '"1"'

    changed = await client.patch(address, json={"title": "Sale"}, headers={"if-match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert changed.json() == {**link, "title": "Sale", "version": 2, "updated_at": changed.json()["updated_at"]}

    for stale in (
        await client.delete(address, headers={"if-match": '"1"'}),
        await client.patch(address, json={"title": "x", "if_version": 1}),
    ):
        assert stale.status_code == 412
        assert stale.json()["error"]["code"] == "stale_version"

    assert (await client.delete(address, headers={"if-match": '"2"'})).status_code == 204
    assert (await client.get(address)).status_code == 404
    assert (await client.patch(address, json={"title": "x"})).status_code == 404
    again = await client.post("/v1/links", json={"destination": DESTINATION, "slug": "sale"})
    assert again.json()["version"] == 4  # the delete counts too


async def test_a_change_that_can_not_be_is_refused_by_the_agent(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/links", json={"destination": DESTINATION, "slug": "strict"})
    refused = await client.patch(made.headers["location"], json={"destination": "ftp://x.example"})
    assert refused.status_code == 400
    assert refused.json()["error"]["field"] == "destination"
    bad = await client.patch(made.headers["location"], json={"title": "x"}, headers={"if-match": "newest"})
    assert (bad.status_code, bad.json()["error"]["field"]) == (400, "If-Match")


async def test_many_want_the_same_slug_and_one_gets_it(client: httpx.AsyncClient) -> None:
    body = {"destination": DESTINATION, "slug": "wanted"}
    answers = await asyncio.gather(*(client.post("/v1/links", json=body) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409} == {"conflict"}


async def test_a_link_without_a_slug_gets_one(client: httpx.AsyncClient) -> None:
    made = [await client.post("/v1/links", json={"destination": DESTINATION}) for _ in range(2)]
    slugs = {answer.json()["slug"] for answer in made}
    assert len(slugs) == 2
    assert all(len(slug) == 12 for slug in slugs)


async def test_many_at_once_are_answered_one_by_one(client: httpx.AsyncClient) -> None:
    links: list[Any] = [{"destination": DESTINATION, "slug": f"bulk-{number}"} for number in range(200)]
    links[3] = {"destination": "nowhere", "slug": "bulk-3"}
    links[7] = {**links[6]}
    links[9] = "no link"
    checked = (await client.post("/v1/links/bulk", json={"links": links, "check_only": True})).json()
    assert [result["status"] for result in checked["results"]].count(400) == 2
    assert (await client.get(f"/v1/links/{link_id('go.example', 'bulk-0')}")).status_code == 404

    answer = await client.post("/v1/links/bulk", json={"links": links})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    expected = [201] * 200
    expected[3], expected[7], expected[9] = 400, 409, 400
    assert [result["status"] for result in results] == expected
    assert results[3]["error"]["field"] == "destination"
    assert results[0]["link"]["slug"] == "bulk-0"
    assert (answer.json()["made"], answer.json()["refused"]) == (197, 3)
    too_many = await client.post("/v1/links/bulk", json={"links": [{}] * 1001})
    assert (too_many.status_code, too_many.json()["error"]["field"]) == (400, "links")


async def test_a_list_is_followed_from_page_to_page(client: httpx.AsyncClient) -> None:
    body = [{"destination": DESTINATION, "slug": f"paged-{number}", "campaign": "pages"} for number in range(7)]
    await client.post("/v1/links/bulk", json={"links": body})
    path, seen = "/v1/links?campaign=pages&limit=3", []
    while path:
        page = (await client.get(path)).json()
        assert page["total"] == 7
        seen += [link["slug"] for link in page["links"]]
        path = page["next"]
    assert sorted(seen) == [link["slug"] for link in body]


async def test_another_process_reads_the_same_links(client: httpx.AsyncClient, installation: ApiSettings) -> None:
    made = await client.post("/v1/links", json={"destination": DESTINATION, "slug": "shared"})
    deleted = await client.post("/v1/links", json={"destination": DESTINATION, "slug": "gone"})
    await client.delete(deleted.headers["location"])
    async with serving(installation) as other:
        assert (await other.get(made.headers["location"])).json() == made.json()
        assert (await other.get(deleted.headers["location"])).status_code == 404
        changed = await other.patch(made.headers["location"], json={"enabled": False})
        for _ in range(100):
            if (await client.get(made.headers["location"])).json() == changed.json():
                return
            await asyncio.sleep(0.05)
    raise AssertionError("the change of another process never came")


async def test_names_of_links_reach_the_answers(client: httpx.AsyncClient, installation: ApiSettings) -> None:
    """From the topic through the worker into ClickHouse's dictionary, within seconds."""
    made = await client.post("/v1/links", json={"destination": DESTINATION, "slug": "named", "title": "Named"})
    [row] = make_rows(1, seed=1, start=datetime(2026, 11, 1, tzinfo=UTC), span=timedelta(days=1))
    insert(installation, [{**row, "outcome": "human", "link_id": int(made.json()["id"], 16)}])
    body = {"metrics": ["clicks"], "dimensions": ["slug", "title"], "date_range": ["2026-11-01", "2026-11-02"]}
    for _ in range(100):
        answer = await client.post("/v1/query", json=body)
        if answer.json()["results"] == [{"dimensions": ["named", "Named"], "metrics": [1]}]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(answer.text)


async def test_without_a_worker_a_command_is_accepted_but_not_confirmed(kafka: KafkaSettings) -> None:
    """Told apart from a command that Kafka did not take."""
    settings = ApiSettings(**kafka.model_dump(), clickhouse="http://127.0.0.1:9", reply_seconds=1.5, api_open=True)
    async with serving(settings, missing=("clickhouse", "api_keys")) as client:
        answer = await client.post("/v1/links", json={"destination": DESTINATION, "slug": "later"})
        assert answer.status_code == 504, answer.text
        error = answer.json()["error"]
        assert error["code"] == "unconfirmed"
        assert error["command_id"]
        metrics = (await client.get("/-/metrics")).text
        assert 'weir_api_link_commands_total{operation="create",status="none"} 1.0' in metrics


@pytest_asyncio.fixture(loop_scope="module")
async def keyed(
    installation: ApiSettings, warehouse: WarehouseSettings
) -> AsyncIterator[tuple[httpx.AsyncClient, Json]]:
    """An API with a database of its own, whose keys nobody else meets.

    The client holds a key for a single domain; beside it stands the header of one for everything.
    """
    now = datetime.now(UTC)
    held, text = make("shop", [Scope.READ, Scope.LINKS], ["shop.example"], now=now)
    root, root_text = make("root", [*Scope], [], now=now)
    with connect(warehouse) as table:
        write(table, held)
        write(table, root)
    settings = installation.model_copy(update={"clickhouse_database": warehouse.clickhouse_database})
    async with serving(settings) as client:
        client.headers["authorization"] = f"Bearer {text}"
        yield client, {"authorization": f"Bearer {root_text}"}


async def test_a_link_has_a_code_that_is_fetched_once(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/links", json={"destination": DESTINATION, "slug": "poster"})
    address = f"{made.headers['location']}/qr.png?size=200&dark=0a3c78"
    image = await client.get(address)
    assert (image.status_code, image.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(image.content)) as picture:
        [code] = zxingcpp.read_barcodes(np.asarray(picture.convert("L")))
    assert code.text == "https://go.example/poster?w_qr=1"
    again = await client.get(address, headers={"if-none-match": f'"x", {image.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get(f"{address}&margin=2", headers={"if-none-match": image.headers["etag"]})
    assert other.status_code == 200
    wrong = await client.get(f"{address}&dark=red")
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "dark")


async def test_a_limited_key_has_only_links_of_its_domains(keyed: tuple[httpx.AsyncClient, Json]) -> None:
    shop, root = keyed
    body = {"destination": DESTINATION, "slug": "theirs", "domain": "go.example"}
    theirs = (await shop.post("/v1/links", json=body, headers=root)).headers["location"]
    own = await shop.post("/v1/links", json={**body, "slug": "own", "domain": "Shop.Example"})
    assert own.status_code == 201, own.text
    for answer in (
        await shop.get(theirs),
        await shop.get(f"{theirs}/qr.svg"),
        await shop.patch(theirs, json={"title": "mine"}),
        await shop.delete(theirs),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    for foreign in (body, {**body, "slug": "new"}, {"destination": DESTINATION}):
        assert (await shop.post("/v1/links", json=foreign)).status_code == 403
    bulk = (await shop.post("/v1/links/bulk", json={"links": [body, {**body, "domain": "shop.example"}]})).json()
    assert [result["status"] for result in bulk["results"]] == [403, 201]
    for query in ("", "?domain=go.example", "?q=theirs"):
        assert {link["domain"] for link in (await shop.get(f"/v1/links{query}")).json()["links"]} <= {"shop.example"}
    assert (await shop.get("/v1/links?domain=go.example")).json()["total"] == 0


async def test_every_write_is_a_line_of_the_audit_log(keyed: tuple[httpx.AsyncClient, Json]) -> None:
    shop, root = keyed
    body = {"destination": DESTINATION, "slug": "logged", "domain": "shop.example"}
    made = await shop.post("/v1/links", json=body, headers={"x-request-id": "request-1"})
    address, id_ = made.headers["location"], made.json()["id"]
    await shop.patch(address, json={"title": "Second"}, headers={"if-match": '"9"'})
    await shop.patch(address, json={"title": "Second"}, headers=root)
    await shop.delete(address)
    assert (await shop.get("/v1/audit-log")).status_code == 403
    for _ in range(100):
        writes = (await shop.get(f"/v1/audit-log?object={id_}", headers=root)).json()["writes"]
        if len(writes) == 4:
            break
        await asyncio.sleep(0.05)
    told = [(line["action"], line["status"], line["key_name"]) for line in reversed(writes)]
    assert told == [
        ("link.create", 201, "shop"),
        ("link.update", 412, "shop"),
        ("link.update", 200, "root"),
        ("link.delete", 204, "shop"),
    ]
    assert (writes[3]["request_id"], writes[3]["before"], writes[3]["domain"]) == ("request-1", None, "shop.example")
    assert writes[3]["after"] == made.json()
    assert (writes[1]["before"]["title"], writes[1]["after"]["title"]) == ("", "Second")
    assert (writes[0]["before"]["version"], writes[0]["after"]) == (2, None)
    page = (await shop.get(f"/v1/audit-log?object={id_}&limit=3", headers=root)).json()
    assert [line["id"] for line in page["writes"]] == [line["id"] for line in writes[:3]]
    rest = (await shop.get(page["next"], headers=root)).json()
    assert [line["id"] for line in rest["writes"]] == [writes[3]["id"]]
    assert (await shop.get("/v1/audit-log?after=x", headers=root)).status_code == 400
