"""Another key's domain, and whatever is slipped into a query: no foreign row ever, and refusals that name the part."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.contract.operation import Described
from api.dimensions import DIMENSIONS
from api.keys.caller import Scope
from api.keys.key import make
from api.keys.table import write
from api.metrics import METRICS
from api.settings import ApiSettings
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.integration.rows import Row, insert, make_rows
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")
START = datetime(2026, 10, 30, tzinfo=UTC)
SPAN = ["2026-10-29", "2026-11-03"]
OWN, FOREIGN = "go.example", "foreign.example"
MARKED = ("path", "destination", "channel", "utm_source", "utm_campaign", "referrer_host", "city", "browser", "slot")
SEEN = tuple(name for name, dimension in DIMENSIONS.items() if not dimension.is_time)


def row_of(row: Row) -> Row:
    """Every second row is of another domain, and says so wherever it can."""
    foreign = row["kafka_offset"] % 2
    mark = {name: "foreign-mark" if foreign else str(row.get(name, "own")) for name in MARKED}
    link = {"link_id": 0xF0F0_F0F0_F0F0_F0F0 if foreign else row["link_id"]}
    return {**row, **mark, **link, "domain": FOREIGN if foreign else OWN}


ROWS = [row_of(row) for row in make_rows(400, seed=9, start=START, span=timedelta(days=3))]


class Asking(NamedTuple):
    """A client, and the headers of a key for one domain and of one for all."""

    http: httpx.AsyncClient
    limited: dict[str, str]
    root: dict[str, str]


@pytest.fixture(scope="module")
def filled(warehouse_server: EmbeddedServer) -> Iterator[WarehouseSettings]:
    with database_of_its_own(warehouse_server) as settings:
        insert(settings, ROWS)
        yield settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asking(filled: WarehouseSettings) -> AsyncIterator[Asking]:
    now = datetime.now(UTC)
    made = [make("shop", [Scope.READ, Scope.LINKS], [OWN], now=now), make("root", [*Scope], [], now=now)]
    with connect(filled) as table:
        for key, _ in made:
            write(table, key)
    limited, root = ({"authorization": f"Bearer {text}"} for _, text in made)
    app = create_app(ApiSettings(**filled.model_dump(), kafka="127.0.0.1:9", api_key_requests=0))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.test", timeout=60) as http,
    ):
        yield Asking(http, limited, root)


EVIL = (
    "' OR 1=1 --",
    "') OR domain != '' OR ('",
    "\\' UNION ALL SELECT * FROM events --",
    "{p0:String}",
    "$conditions",
    "domain) OR (1",
    "`domain`",
    "../../etc/passwd",
    "%27%20OR%201",
    "\u2028\x1b[2J",
)


def comparisons() -> st.SearchStrategy[list[Any]]:
    values = st.sampled_from([OWN, FOREIGN, "foreign-mark", "own", "", "f0f0f0f0f0f0f0f0", *EVIL])
    operators = st.sampled_from(["is", "is_not", "contains", "contains_not", "starts_with", "ends_with_not"])
    compared = st.tuples(operators, st.sampled_from(SEEN), st.lists(values, min_size=1, max_size=3)).map(list)
    present = st.tuples(st.sampled_from(["exists", "exists_not"]), st.sampled_from(SEEN)).map(list)
    return compared | present


FILTERS = st.recursive(
    comparisons(),
    lambda part: (
        st.tuples(st.sampled_from(["and", "or"]), st.lists(part, min_size=1, max_size=3)).map(list)
        | part.map(lambda inner: ["not", inner])
    ),
    max_leaves=6,
)
QUERIES = st.fixed_dictionaries(
    {
        "metrics": st.lists(st.sampled_from([*METRICS]), min_size=1, max_size=4, unique=True),
        "dimensions": st.lists(st.sampled_from([*DIMENSIONS]), max_size=3, unique=True),
        "filters": st.lists(FILTERS, max_size=3),
        "date_range": st.just(SPAN) | st.just("all"),
        "exact": st.booleans(),
    },
    optional={
        "order_by": st.lists(st.tuples(st.sampled_from([*METRICS, *DIMENSIONS, *EVIL]), st.just("asc")), max_size=2),
        "include": st.just({"totals": True, "total_rows": True}),
    },
)


async def test_a_limited_key_gets_what_its_domain_holds_whatever_it_asks(asking: Asking) -> None:
    """Equal to what a key for everything gets that asks for that domain; or both are refused alike."""

    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
    @given(QUERIES)
    async def holds(body: dict[str, Any]) -> None:
        asked = {**body, "filters": [["is", "domain", [OWN]], *body["filters"]]}
        limited = await asking.http.post("/v1/query", json=body, headers=asking.limited)
        honest = await asking.http.post("/v1/query", json=asked, headers=asking.root)
        assert limited.status_code == honest.status_code
        assert limited.status_code in {200, 400}, limited.text
        if limited.status_code == 200:
            told, expected = limited.json(), honest.json()
            assert told["results"] == expected["results"]
            for part in ("left_out", "totals", "total_rows"):
                assert told["meta"].get(part) == expected["meta"].get(part)

    await run_in_this_loop(holds)


async def run_in_this_loop(property_: Any) -> None:
    """Hypothesis draws in a thread; each example runs in the loop that the client belongs to."""
    loop, inner = asyncio.get_running_loop(), property_.hypothesis.inner_test
    property_.hypothesis.inner_test = lambda body: asyncio.run_coroutine_threadsafe(inner(body), loop).result(60)
    await asyncio.to_thread(property_)


def read_addresses() -> list[str]:
    """Every address that a reading key may GET, with its path filled in; but for what never ends."""
    found = []
    for route in create_app(ApiSettings()).routes:
        if isinstance(route, Described) and (operation := route.operations.get("GET")):
            path = route.path.replace("{dimension}", "path").replace("{id}", "f0f0f0f0f0f0f0f0")
            if Scope.READ in operation.scopes and operation.queries:
                known = {parameter.name for parameter in operation.parameters}
                found.append(f"{path}?from={SPAN[0]}&to={SPAN[1]}" if "from" in known else path)
    return found


@pytest.mark.parametrize("address", read_addresses())
async def test_no_address_shows_a_foreign_row(asking: Asking, address: str) -> None:
    joined = f"{address}{'&' if '?' in address else '?'}"
    for more in ("", f"filter=domain!={OWN}", f"filter=domain={FOREIGN}", "filter=path=foreign-mark", "rows=events"):
        answer = await asking.http.get(joined + more, headers=asking.limited)
        assert answer.status_code in {200, 400}, answer.text
        assert "foreign" not in results_of(answer)
        assert "f0f0f0f0f0f0f0f0" not in results_of(answer)
    limited, root = [await asking.http.get(address, headers=key) for key in (asking.limited, asking.root)]
    # Nothing happens now, so that nobody sees anything there.
    assert results_of(limited) != results_of(root) or "realtime" in address


def results_of(answer: httpx.Response) -> str:
    """All but what was executed, which repeats the filters, and what it cost."""
    return json.dumps({name: part for name, part in answer.json().items() if name not in {"query", "meta", "error"}})


@pytest.mark.parametrize("evil", EVIL)
async def test_what_is_slipped_in_is_refused_by_name(asking: Asking, evil: str) -> None:
    good = {"metrics": ["clicks"], "date_range": SPAN, "dimensions": ["channel"]}
    for part in (
        {"metrics": [evil]},
        {"dimensions": [evil]},
        {"dimensions": [f"time:day {evil}"]},
        {"order_by": [[evil, "desc"]]},
        {"order_by": [["clicks", evil]]},
        {"filters": [["is", evil, ["x"]]]},
        {"filters": [[evil, "channel", ["x"]]]},
        {"filters": [["is", "link", [evil]]]},
        {"filters": [["is", "position", [evil]]]},
        {"date_range": evil},
        {"date_range": [evil, SPAN[1]]},
        {"time_zone": evil},
        {"pagination": {"limit": evil}},
        {"include": {evil: True}},
    ):
        answer = await asking.http.post("/v1/query", json={**good, **part}, headers=asking.limited)
        assert answer.status_code == 400, (part, answer.text)
        error = answer.json()["error"]
        assert error["field"]
        assert "DB::Exception" not in answer.text
    for path in ("/v1/breakdown/{}", "/v1/timeseries?interval={}", "/v1/breakdown/channel?limit={}", "/v1/links/{}"):
        answer = await asking.http.get(path.format(quote(evil, safe="")), headers=asking.limited)
        assert answer.status_code in {400, 404, 503}, (path, answer.text)
        assert answer.status_code != 503 or path.startswith("/v1/links")  # Kafka is away here
