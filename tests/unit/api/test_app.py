"""The application without its neighbours: what it answers when ClickHouse and Kafka are away."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from api.app import create_app
from api.settings import ApiSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOWHERE = "127.0.0.1:9"
QUERY = {"metrics": ["clicks"], "date_range": "7d"}


def settings(**more: Any) -> ApiSettings:
    return ApiSettings(clickhouse=f"http://{NOWHERE}", kafka=NOWHERE, **more)


async def opened(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api.test") as client,
    ):
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async for client in opened(settings(api_open=True)):
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded() -> AsyncIterator[httpx.AsyncClient]:
    async for client in opened(settings(api_token=SecretStr("sesame"))):
        yield client


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code", "field"),
    [
        ("GET", "/nothing", {}, 404, "not_found", None),
        ("GET", "/v1/query", {}, 405, "method_not_allowed", None),
        ("PUT", "/v1/links", {}, 405, "method_not_allowed", None),
        ("POST", "/v1/links/0123456789abcdef", {}, 405, "method_not_allowed", None),
        ("POST", "/v1/query", {"content": "{}"}, 415, "unsupported_media_type", None),
        ("POST", "/v1/query", {"data": {"metrics": "clicks"}}, 415, "unsupported_media_type", None),
        ("POST", "/v1/query", {"json": {"x": "x" * 50_000}}, 413, "too_large", None),
        ("POST", "/v1/query", {"json": {}}, 400, "bad_request", "metrics"),
        ("POST", "/v1/query", {"json": {**QUERY, "metrics": ["x"]}}, 400, "bad_request", "metrics[0]"),
        ("POST", "/v1/query?format=xml", {"json": QUERY}, 400, "bad_request", "format"),
        ("POST", "/v1/query", {"json": QUERY, "headers": {"accept": "text/html"}}, 406, "not_acceptable", None),
        ("POST", "/v1/query", {"json": QUERY}, 503, "away", None),
        ("GET", "/v1/breakdown/chanel", {}, 400, "bad_request", "dimension"),
        ("GET", "/v1/breakdown/channel?limt=3", {}, 400, "bad_request", "limt"),
        ("GET", "/v1/breakdown/channel?limit=many", {}, 400, "bad_request", "limit"),
        ("GET", "/v1/breakdown/channel?from=2026-11-01", {}, 400, "bad_request", "to"),
        ("GET", "/v1/breakdown/channel?filter=channel", {}, 400, "bad_request", "filter"),
        ("GET", "/v1/breakdown/channel?exact=maybe", {}, 400, "bad_request", "exact"),
        ("GET", "/v1/timeseries?interval=fortnight", {}, 400, "bad_request", "interval"),
        ("POST", "/v1/links", {"json": {}}, 400, "bad_request", "destination"),
        ("POST", "/v1/links", {"json": {"destination": "ftp://x.example"}}, 400, "bad_request", "destination"),
        ("POST", "/v1/links", {"json": {"destination": "https://x.example/"}}, 503, "away", None),
        ("GET", "/v1/links", {}, 503, "away", None),
        ("GET", "/v1/links?limit=0", {}, 400, "bad_request", "limit"),
        ("GET", "/v1/links?after=x", {}, 400, "bad_request", "after"),
        ("GET", "/v1/links?page=2", {}, 400, "bad_request", "page"),
    ],
)
async def test_every_refusal_has_one_shape(  # noqa: PLR0917 - the columns of the table
    client: httpx.AsyncClient,
    method: str,
    path: str,
    options: dict[str, Any],
    status: int,
    code: str,
    field: str | None,
) -> None:
    answer = await client.request(method, path, **options)
    assert answer.status_code == status, answer.text
    assert answer.json().keys() == {"error"}
    error = answer.json()["error"]
    assert (error["code"], error.get("field")) == (code, field)
    assert error["message"]
    assert all(error.values())


async def test_who_is_away_is_named_and_when_to_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/query", json=QUERY)
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["error"]["what"] == "clickhouse"


async def test_it_lives_but_is_not_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/-/live")).status_code == 200
    ready = await client.get("/-/ready")
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "missing": ["clickhouse", "api_keys", "links", "links.replies"]}


async def test_metrics_count_by_route_and_never_by_path(client: httpx.AsyncClient) -> None:
    await client.get("/v1/links/0123456789abcdef")
    await client.get("/some/path")
    text = (await client.get("/-/metrics")).text
    assert 'weir_api_requests_total{method="GET",route="/v1/links/{id}",status="503"}' in text
    assert 'weir_api_requests_total{method="GET",route="none",status="404"}' in text
    assert "some/path" not in text


async def test_the_index_names_every_route(client: httpx.AsyncClient) -> None:
    addresses = (await client.get("/")).json()["addresses"]
    routes = create_app(settings()).routes
    assert {address.split(" ")[-1] for address in addresses} == {getattr(route, "path", "") for route in routes}


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer no"}, {"authorization": "Basic sesame"}])
async def test_nothing_is_answered_without_the_token(guarded: httpx.AsyncClient, header: dict[str, str]) -> None:
    for path in ("/v1/links", "/v1/nothing", "/v1/breakdown/channel"):
        answer = await guarded.get(path, headers=header)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"
    assert (await guarded.get("/-/live", headers=header)).status_code == 200


async def test_the_token_opens(guarded: httpx.AsyncClient) -> None:
    answer = await guarded.get("/v1/links", headers={"authorization": "bearer sesame"})
    assert answer.status_code == 503
    assert answer.json()["error"]["what"] == "kafka"


async def test_nobody_is_let_in_before_the_keys_could_be_read(guarded: httpx.AsyncClient) -> None:
    key = {"authorization": f"Bearer weir_{'0' * 8}_{'0' * 48}"}
    assert "keys can't be read" in (await guarded.get("/v1/links", headers=key)).json()["error"]["message"]
    async for client in opened(settings()):  # on loopback, where nobody needs a key as long as there is none
        assert "keys can't be read" in (await client.get("/v1/links")).json()["error"]["message"]


async def test_every_answer_names_its_request(client: httpx.AsyncClient) -> None:
    for path in ("/v1/links", "/nothing", "/-/live"):
        own = await client.get(path, headers={"x-request-id": "from-the-client:1"})
        assert own.headers["x-request-id"] == "from-the-client:1"
    made = {(await client.get("/-/live")).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    for bad in ("short", "x" * 65, "with space", 'quo"ted-one'):
        answer = await client.get("/-/live", headers={"x-request-id": bad})
        assert answer.headers["x-request-id"] != bad


async def test_a_fault_is_told_in_one_line_with_the_id_to_look_for(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("api.links.shelf.LinkShelf.known", lambda *_: 1 / 0)
    answer = await client.get("/v1/links/0123456789abcdef", headers={"x-request-id": "the-broken-one"})
    assert answer.status_code == 500
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"] == "the-broken-one"
    assert "ZeroDivisionError" not in answer.text
    assert "ZeroDivisionError" in capsys.readouterr().out


async def test_answers_are_nobody_elses(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/links")).headers["cache-control"] == "private, no-cache"


async def test_pages_of_other_origins_are_let_in_where_a_setting_says_so(client: httpx.AsyncClient) -> None:
    asks = {"origin": "https://board.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in (await client.options("/v1/query", headers=asks)).headers
    async for allowing in opened(settings(api_open=True, api_origins="https://board.example, https://x.example")):
        for headers in (asks, {**asks, "access-control-request-headers": "authorization"}):
            preflight = await allowing.options("/v1/query", headers=headers)
            assert preflight.status_code == 200
            assert preflight.headers["access-control-allow-origin"] == "https://board.example"
        refused = await allowing.get("/v1/links", headers={"origin": "https://board.example"})
        assert refused.headers["access-control-allow-origin"] == "https://board.example"
        assert "Retry-After" in refused.headers["access-control-expose-headers"]
        other = await allowing.options("/v1/query", headers={**asks, "origin": "https://evil.example"})
        assert other.status_code == 400


@pytest.mark.parametrize(
    ("given", "anybody"),
    [
        ({}, True),
        ({"api_host": "localhost"}, True),
        ({"api_host": "::1"}, True),
        ({"api_host": "0.0.0.0"}, False),
        ({"api_host": "example.org"}, False),
        ({"api_token": SecretStr("sesame")}, False),
        ({"api_host": "0.0.0.0", "api_open": True}, True),
    ],
)
async def test_nobody_lays_it_open_by_accident(given: dict[str, Any], anybody: bool) -> None:
    assert settings(**given).admits_anybody() is anybody
