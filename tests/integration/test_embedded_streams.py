"""The embedded warehouse under long, large, parallel, killed and abandoned queries."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import psutil
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, Error

from tests.fixtures.warehouse import PASSWORD, EmbeddedServer
from warehouse.client import connect, connect_async
from warehouse.settings import WarehouseSettings

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) % 7 = 1"
MIB = 1024 * 1024


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Iterator[Client]:
    with connect(warehouse) as client:
        yield client


@pytest.fixture
def http(warehouse_server: EmbeddedServer) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=warehouse_server.url,
        auth=("default", PASSWORD),
        headers={"Accept-Encoding": "identity"},
        trust_env=False,
        timeout=60,
    ) as http:
        yield http


def resident(server: EmbeddedServer) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


def running(client: Client, part: str) -> int:
    sql = (
        "SELECT count() FROM system.processes WHERE position(query, {part:String}) > 0 AND query NOT LIKE '%processes%'"
    )
    return int(client.query(sql, parameters={"part": part}).result_rows[0][0])


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize(
    ("format_", "rows"), [("Native", 10_000_000), ("JSONCompact", 3_000_000), ("CSVWithNames", 3_000_000)]
)
def test_a_large_answer_takes_little_memory(
    http: httpx.Client, warehouse_server: EmbeddedServer, format_: str, rows: int
) -> None:
    sql = f"SELECT number, toString(number) AS text FROM numbers({rows}) FORMAT {format_}"
    before, most, size, start = resident(warehouse_server), 0, 0, b""
    with http.stream("POST", "/", content=sql) as answer:
        for chunk in answer.iter_raw(MIB):
            start = start or chunk
            size += len(chunk)
            most = max(most, resident(warehouse_server))
    assert size > 40 * MIB
    assert most - before < 150 * MIB
    assert b"number" in start[:100]


def test_all_rows_of_a_large_answer_arrive(client: Client) -> None:
    with client.query_column_block_stream("SELECT number FROM numbers(3000000)") as stream:
        blocks = [block[0] for block in stream]
    assert len(blocks) > 10
    assert sum(len(block) for block in blocks) == 3_000_000
    assert sum(sum(block) for block in blocks) == sum(range(3_000_000))


async def test_all_rows_arrive_at_the_async_client(warehouse: WarehouseSettings) -> None:
    async with await connect_async(warehouse) as client:
        found = await client.query("SELECT number, toString(number) FROM numbers(500000)")
    assert len(found.result_rows) == 500_000
    assert found.result_rows[-1] == (499_999, "499999")


def test_a_failure_half_way_is_seen(client: Client, http: httpx.Client) -> None:
    sql = "SELECT throwIf(number = 5000000, 'half-way') AS t, number FROM numbers(10000000)"
    with pytest.raises(Error, match="half-way"):
        _ = client.query(sql).result_rows
    body = b""
    with pytest.raises(httpx.RemoteProtocolError), http.stream("POST", "/", content=f"{sql} FORMAT TSV") as answer:
        tag = answer.headers["X-ClickHouse-Exception-Tag"]
        for chunk in answer.iter_raw():
            body = (body + chunk)[-4096:]
    assert f"__exception__\r\n{tag}\r\nCode: 395. DB::Exception: half-way" in body.decode()


def test_cheap_queries_run_beside_a_long_one(client: Client, warehouse: WarehouseSettings) -> None:
    name = uuid4().hex
    with ThreadPoolExecutor() as pool, connect(warehouse) as other:
        long = pool.submit(other.query, f"{ENDLESS} /* {name} */")
        assert eventually(lambda: running(client, name) == 1)
        started = time.monotonic()
        for number in range(20):
            assert client.command(f"SELECT {number}") == number
        assert time.monotonic() - started < 10
        assert not long.done()
        client.command(f"KILL QUERY WHERE position(query, '{name}') > 0 AND query_kind = 'Select' SYNC")
        with pytest.raises(DatabaseError) as killed:
            long.result()
    assert killed.value.code == 394


def test_kill_by_the_clients_query_id(client: Client, warehouse: WarehouseSettings) -> None:
    name = f"dash-board.{uuid4()}"
    with ThreadPoolExecutor() as pool, connect(warehouse) as other:
        long = pool.submit(other.query, ENDLESS, settings={"query_id": name})
        assert eventually(lambda: running(client, name) == 1)
        with pytest.raises(DatabaseError) as twice:
            client.query("SELECT 1", settings={"query_id": name})
        assert twice.value.code == 216
        client.command("KILL QUERY WHERE query_id = {id:String} SYNC", parameters={"id": name})
        with pytest.raises(DatabaseError) as killed:
            long.result()
    assert killed.value.code == 394
    assert client.query("SELECT 1", settings={"query_id": name}).result_rows == [(1,)]


def test_a_killed_insert_says_so(client: Client, warehouse: WarehouseSettings) -> None:
    """chDB's streaming insert would report success; the ledger's settling rests on this."""
    client.command("CREATE TABLE slow (n UInt64, m UInt8 DEFAULT sleepEachRow(0.005)) ENGINE = MergeTree ORDER BY n")
    settings = {"log_comment": "weir slow", "max_block_size": 100, "function_sleep_max_microseconds_per_block": 0}
    with ThreadPoolExecutor() as pool, connect(warehouse) as other:
        lines = b"".join(b"%d\n" % number for number in range(20_000))
        slow = pool.submit(other.raw_insert, "slow", ["n"], lines, settings=settings, fmt="TSV")
        assert eventually(lambda: running(client, "INTO slow") == 1)
        time.sleep(1)
        sql = "KILL QUERY WHERE Settings['log_comment'] = {comment:String} AND query_kind = 'Insert' SYNC"
        assert client.query(sql, parameters={"comment": "weir slow"}).result_rows[0][0] == "finished"
        with pytest.raises(DatabaseError) as killed:
            slow.result()
        assert killed.value.code == 394
    stored = client.query("SELECT count(), max(n) + 1 FROM slow").result_rows[0]
    assert stored[0] < 20_000
    assert stored[0] == 0 or stored[0] == stored[1]
    assert client.raw_query(sql, parameters={"comment": "weir slow"}) == b""


@pytest.mark.parametrize("sql", [ENDLESS, "SELECT number FROM numbers(1000000000000)"])
def test_an_abandoned_query_ends(client: Client, http: httpx.Client, sql: str) -> None:
    name = uuid4().hex
    with (
        contextlib.suppress(httpx.ReadTimeout),
        http.stream("POST", "/", content=f"{sql} /* {name} */", timeout=2) as answer,
    ):
        assert eventually(lambda: running(client, name) == 1)
        chunks = answer.iter_raw(MIB)
        next(chunks)
    assert eventually(lambda: running(client, name) == 0)


def test_a_slow_reader_slows_the_query(client: Client, http: httpx.Client, warehouse_server: EmbeddedServer) -> None:
    name = uuid4().hex
    before = resident(warehouse_server)
    with http.stream("POST", "/", content=f"SELECT number FROM numbers(1000000000000) /* {name} */") as answer:
        chunks = answer.iter_raw(MIB)
        next(chunks)
        time.sleep(3)
        assert running(client, name) == 1
        assert resident(warehouse_server) - before < 150 * MIB
    assert eventually(lambda: running(client, name) == 0)


def test_a_large_body_is_not_held_in_memory(
    client: Client, http: httpx.Client, warehouse_server: EmbeddedServer
) -> None:
    client.command("CREATE TABLE wide (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    lines = (b"1\t" + b"x" * 1000 + b"\n") * 1000
    grown = []

    def body() -> Iterator[bytes]:
        before = resident(warehouse_server)
        for _ in range(200):
            yield lines
        time.sleep(0.2)
        grown.append(resident(warehouse_server) - before)

    params = {"query": "INSERT INTO wide FORMAT TSV", "database": str(client.database)}
    answer = http.post("/", params=params, content=body())
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "200000"
    assert grown[0] < 50 * MIB


def test_kill_does_not_wait_for_a_free_thread(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = EmbeddedServer(tmp_path_factory.mktemp("narrow") / "data", threads=2)
    server.start()
    try:
        with ThreadPoolExecutor() as pool, connect(server.settings()) as client:
            ids = [f"long-{number}" for number in range(4)]
            clients = [connect(server.settings()) for _ in ids]
            long = [
                pool.submit(client.query, ENDLESS, settings={"query_id": name})
                for client, name in zip(clients, ids, strict=True)
            ]
            time.sleep(2)
            while not all(query.done() for query in long):
                client.command("KILL QUERY WHERE query_kind = 'Select' AND query LIKE '%sipHash64%' SYNC")
            assert all(isinstance(query.exception(), DatabaseError) for query in long)
            assert client.command("SELECT 1") == 1
            for each in clients:
                each.close()
    finally:
        server.stop()
