"""The embedded warehouse as ClickHouse's clients see it: queries, parameters, settings, formats, bodies, errors."""

import asyncio
import gzip
import json
import subprocess
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import httpx
import lz4.frame  # type: ignore[import-untyped]  # lz4 ships no types
import pytest
from backports import zstd
from clickhouse_connect.driver.client import Client

from tests.fixtures.warehouse import PASSWORD, EmbeddedServer
from warehouse.client import WarehouseUnavailable, connect, connect_async
from warehouse.settings import WarehouseSettings


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Iterator[Client]:
    with connect(warehouse) as client:
        yield client


@pytest.fixture
def http(warehouse: WarehouseSettings) -> Iterator[httpx.Client]:
    """A bare HTTP client with a password and a database, that says nothing about compression."""
    with httpx.Client(
        base_url=warehouse.clickhouse,
        auth=("default", PASSWORD),
        params={"database": warehouse.clickhouse_database},
        headers={"Accept-Encoding": "identity"},
        trust_env=False,
        timeout=60,
    ) as http:
        yield http


@pytest.fixture
def plain(warehouse_server: EmbeddedServer) -> Iterator[httpx.Client]:
    """The same without a database of its own."""
    with httpx.Client(base_url=warehouse_server.url, auth=("default", PASSWORD), trust_env=False) as http:
        yield http


@pytest.fixture
def table(client: Client) -> str:
    client.command("CREATE TABLE numbers_of_mine (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    return "numbers_of_mine"


def rows(client: Client) -> list[Any]:
    return list(client.query("SELECT n, s FROM numbers_of_mine ORDER BY n").result_rows)


class TestClickhouseConnect:
    def test_types_survive(self, client: Client) -> None:
        sql = r"""SELECT toUInt64(18446744073709551615) AS u, -1::Int8 AS i, 1.5 AS f, 'grün\n\t\'' AS s, [1, 2] AS a,
                 map('k', 'v') AS m, toDateTime64('2026-03-08 01:02:03.004', 3, 'UTC') AS t, NULL AS z,
                 toUUID('6e6b5b1c-7a3f-4c55-9d1e-0a4b1c2d3e4f') AS id,
                 CAST('b', 'Enum8(\'a\' = 1, \'b\' = 2)') AS e"""
        row = next(iter(client.query(sql).named_results()))
        assert row["u"] == 2**64 - 1
        assert (row["i"], row["f"], row["s"], row["a"], row["m"]) == (-1, 1.5, "grün\n\t'", [1, 2], {"k": "v"})
        assert (row["z"], row["e"]) == (None, "b")
        assert row["id"] == uuid.UUID("6e6b5b1c-7a3f-4c55-9d1e-0a4b1c2d3e4f")
        assert row["t"].isoformat().startswith("2026-03-08T01:02:03.004")

    def test_parameters_are_bound_by_the_server(self, client: Client) -> None:
        evil = "x'; DROP TABLE numbers_of_mine -- \\ \t\n"
        found = client.query(
            "SELECT {text:String}, {numbers:Array(UInt8)}, {name:Identifier} FROM system.one",
            parameters={"text": evil, "numbers": [1, 2], "name": "dummy"},
        )
        assert found.result_rows == [(evil, [1, 2], 0)]

    def test_settings_hold_for_one_query(self, client: Client) -> None:
        sql = "SELECT getSetting('max_block_size')"
        assert client.query(sql, settings={"max_block_size": 7}).result_rows == [(7,)]
        assert client.query(sql).result_rows != [(7,)]

    @pytest.mark.parametrize("table", ["x"], indirect=True)
    def test_rows_and_columns_inserted(self, client: Client, table: str) -> None:
        summary = client.insert(table, [[1, "a"], [2, "b;\n'"]], column_names=["n", "s"])
        client.insert(table, [[3, 4], ["c", ""]], column_names=["n", "s"], column_oriented=True)
        assert rows(client) == [(1, "a"), (2, "b;\n'"), (3, "c"), (4, "")]
        assert summary.written_rows == 2

    def test_a_token_deduplicates(self, client: Client) -> None:
        client.command(
            "CREATE TABLE once (n UInt8) ENGINE = MergeTree ORDER BY n"
            " SETTINGS non_replicated_deduplication_window = 10"
        )
        for _ in range(2):
            client.insert("once", [[1]], column_names=["n"], settings={"insert_deduplication_token": "t"})
        client.insert("once", [[1]], column_names=["n"], settings={"insert_deduplication_token": "u"})
        assert client.command("SELECT count() FROM once") == 2

    def test_insert_from_select_and_values(self, client: Client, table: str) -> None:
        client.command(f"INSERT INTO {table} SELECT number, toString(number) FROM numbers(2)")
        client.command(f"INSERT INTO {table} (n, s) VALUES (7, 'a;b'), (1 + 7, 'it''s')")
        client.command(f"INSERT INTO {table} VALUES ({{n:UInt64}}, {{s:String}})", parameters={"n": 9, "s": "p';"})
        assert rows(client) == [(0, "0"), (1, "1"), (7, "a;b"), (8, "it's"), (9, "p';")]

    def test_an_empty_result_has_columns(self, client: Client) -> None:
        found = client.query("SELECT n FROM (SELECT 1 AS n) LIMIT 0")
        assert (found.column_names, found.result_rows) == (("n",), [])
        assert client.query("SELECT 1 AS n WHERE 0").result_rows == []
        assert client.command("SHOW TABLES LIKE 'nothing'") == ""

    def test_raw_insert_and_raw_query(self, client: Client, table: str) -> None:
        client.raw_insert(table, ["n", "s"], b"5\tfive\n6\tsix\n", fmt="TabSeparated")
        client.raw_insert(table, ["n", "s"], gzip.compress(b"7,seven\n"), fmt="CSV", compression="gzip")
        assert client.raw_query(f"SELECT s FROM {table} ORDER BY n", fmt="CSV") == b'"five"\n"six"\n"seven"\n'

    @pytest.mark.parametrize("codec", ["lz4", "zstd", "gzip", False])
    def test_every_compression(self, warehouse: WarehouseSettings, table: str, codec: str | bool) -> None:
        port = int(warehouse.clickhouse.rpartition(":")[2])
        with clickhouse_connect.get_client(
            host="127.0.0.1",
            port=port,
            username="default",
            password=PASSWORD,
            compress=codec,
            database=warehouse.clickhouse_database,
        ) as client:
            client.insert(table, [[number, str(number) * 20] for number in range(20_000)], column_names=["n", "s"])
            assert client.query(f"SELECT count(), sum(n) FROM {table}").result_rows == [(20_000, 199_990_000)]
            assert len(client.query(f"SELECT s FROM {table}").result_rows) == 20_000

    async def test_async_client(self, warehouse: WarehouseSettings, table: str) -> None:
        async with await connect_async(warehouse) as client:
            await client.insert(table, [[1, 2], ["a", "b"]], column_names=["n", "s"], column_oriented=True)
            answers = await asyncio.gather(
                *(client.query(f"SELECT {number}, count() FROM {table}") for number in range(20))
            )
        assert [answer.result_rows for answer in answers] == [[(number, 2)] for number in range(20)]

    def test_long_parameters_come_as_a_form(self, client: Client) -> None:
        long = ["x" * 100] * 2000
        assert client.query("SELECT length({many:Array(String)})", parameters={"many": long}).result_rows == [(2000,)]

    def test_summary_and_query_id(self, client: Client) -> None:
        found = client.query("SELECT number FROM numbers(1000)", settings={"query_id": "mine-1"})
        assert found.query_id == "mine-1"
        assert found.summary["read_rows"] == "1000"
        assert int(found.summary["elapsed_ns"]) > 0


class TestHttp:
    def test_query_in_url_body_or_both(self, http: httpx.Client, table: str) -> None:
        assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
        assert http.post("/", content="SELECT 2;").text == "2\n"
        assert http.post("/", params={"query": "SELECT"}, content="3").text == "3\n"
        assert http.post("/", params={"query": f"INSERT INTO {table} FORMAT CSV"}, content=b"1,a\n2,b\n").is_success
        assert http.post("/", content=f'INSERT INTO {table} FORMAT JSONEachRow\n{{"n": 3, "s": "c"}}').is_success
        assert http.post("/", params={"query": f"INSERT INTO {table} VALUES (4, 'd')"}).is_success
        assert (
            http.get("/", params={"query": f"SELECT n, s FROM {table} ORDER BY n"}).text == "1\ta\n2\tb\n3\tc\n4\td\n"
        )

    def test_get_changes_nothing(self, http: httpx.Client, table: str) -> None:
        refused = http.get("/", params={"query": f"INSERT INTO {table} VALUES (1, '')"})
        assert (refused.headers["X-ClickHouse-Exception-Code"], refused.status_code) == ("164", 500)
        assert http.get("/", params={"query": "SELECT 1", "max_threads": "1"}).text == "1\n"

    def test_formats(self, plain: httpx.Client) -> None:
        sql = "SELECT 1 AS format SETTINGS max_threads = 1"
        assert plain.post("/", content=f"{sql} FORMAT JSONCompact").json()["data"] == [[1]]
        answer = plain.post("/", params={"default_format": "CSVWithNames"}, content=sql)
        assert answer.text == '"format"\n1\n'
        assert answer.headers["X-ClickHouse-Format"] == "CSVWithNames"
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert plain.post("/", headers={"X-ClickHouse-Format": "TSKV"}, content=sql).text == "format=1\n"
        assert (
            plain.post("/", content="SELECT 1 AS format FORMAT Parquet SETTINGS max_threads = 1").content[:4] == b"PAR1"
        )
        assert plain.post("/", content="SHOW DATABASES LIKE 'system' FORMAT JSONEachRow").json() == {"name": "system"}

    def test_headers(self, plain: httpx.Client) -> None:
        answer = plain.post("/", params={"query_id": "q-1"}, content="SELECT number FROM numbers(10) FORMAT Null")
        assert answer.headers["X-ClickHouse-Query-Id"] == "q-1"
        assert answer.headers["X-ClickHouse-Server-Display-Name"] == "weir-embedded"
        assert answer.headers["X-ClickHouse-Timezone"]
        assert json.loads(answer.headers["X-ClickHouse-Summary"])["read_rows"] == "10"
        assert plain.post("/", content="SELECT 1").headers["X-ClickHouse-Query-Id"]

    def test_written_rows_in_the_summary(self, http: httpx.Client, table: str) -> None:
        for sql in (
            f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')",
            f"INSERT INTO {table} SELECT 3, 'c' FROM numbers(2)",
        ):
            assert json.loads(http.post("/", content=sql).headers["X-ClickHouse-Summary"])["written_rows"] == "2"

    def test_parameters(self, plain: httpx.Client) -> None:
        answer = plain.get(
            "/",
            params={
                "query": "SELECT {a:UInt8} + {b:UInt8}, {c:String}",
                "param_a": "1",
                "param_b": "2",
                "param_c": "x\\ty",
            },
        )
        assert answer.text == "3\tx\\ty\n"

    def test_forms(self, plain: httpx.Client) -> None:
        fields = {"query": (None, "SELECT {a:String}"), "param_a": (None, "grün")}
        assert plain.post("/", files=fields).text == "grün\n"
        assert plain.post("/", files={"t": ("t.csv", b"1\n")}, params={"query": "SELECT 1"}).status_code == 501

    @pytest.mark.parametrize(
        ("encoding", "encode"),
        [
            ("gzip", gzip.compress),
            ("deflate", zlib.compress),
            ("zstd", zstd.compress),
            ("lz4", lz4.frame.compress),
            ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
            ("lz4", lambda data: lz4.frame.compress(data[:9]) + lz4.frame.compress(data[9:])),
        ],
    )
    def test_encoded_bodies(self, plain: httpx.Client, encoding: str, encode: Any) -> None:
        body = encode(b"SELECT 'as it was sent'")
        assert plain.post("/", headers={"Content-Encoding": encoding}, content=body).text == "as it was sent\n"
        cut = plain.post("/", headers={"Content-Encoding": encoding}, content=body[:-3])
        assert "CANNOT_DECOMPRESS" in cut.text

    def test_encoded_answers(self, plain: httpx.Client) -> None:
        for encoding, decode in (("gzip", gzip.decompress), ("zstd", zstd.decompress), ("lz4", lz4.frame.decompress)):
            with plain.stream("POST", "/", content="SELECT 'x'", headers={"Accept-Encoding": encoding}) as answer:
                assert answer.headers["Content-Encoding"] == encoding
                assert decode(b"".join(answer.iter_raw())) == b"x\n"
        off = plain.post("/", params={"enable_http_compression": "0"}, content="SELECT 1")
        assert "Content-Encoding" not in off.headers

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({"compress": "1"}, "48"),
            ({"decompress": "1"}, "48"),
            ({"client_protocol_version": "54460"}, "48"),
            ({"client_protocol_version": "x"}, "48"),
            ({"default_format": "TSV; SELECT 2"}, "73"),
            ({"a b": "1"}, "115"),
        ],
    )
    def test_what_is_not_supported_is_said(self, plain: httpx.Client, params: dict[str, str], code: str) -> None:
        assert plain.post("/", params=params, content="SELECT 1").headers["X-ClickHouse-Exception-Code"] == code

    def test_unknown_encoding(self, plain: httpx.Client) -> None:
        assert (
            plain.post("/", headers={"Content-Encoding": "snappy"}, content=b"x").headers["X-ClickHouse-Exception-Code"]
            == "89"
        )

    def test_pings(self, plain: httpx.Client) -> None:
        for path in ("/ping", "/replicas_status", "/"):
            assert plain.get(path).text == "Ok.\n"

    @pytest.mark.parametrize(
        ("sql", "status", "code", "name"),
        [
            ("SELECT * FROM nothing", 404, "60", "UNKNOWN_TABLE"),
            ("SELECT nothing", 404, "47", "UNKNOWN_IDENTIFIER"),
            ("SELECT nosuch()", 404, "46", "UNKNOWN_FUNCTION"),
            ("SELECT * FROM nothing.nothing", 404, "81", "UNKNOWN_DATABASE"),
            ("SELECT 1 SETTINGS nothing = 1", 404, "115", "UNKNOWN_SETTING"),
            ("SELECT 1 FORMAT Nothing", 404, "73", "UNKNOWN_FORMAT"),
            ("SELECT (", 400, "62", "SYNTAX_ERROR"),
            ("1", 400, "62", "SYNTAX_ERROR"),
            ("", 400, "62", "SYNTAX_ERROR"),
            ("SELECT 1; SELECT 2", 400, "62", "SYNTAX_ERROR"),
            ("SELECT {a:UInt8}", 400, "456", "UNKNOWN_QUERY_PARAMETER"),
            ("SELECT throwIf(1)", 500, "395", "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
            (
                "SELECT sleepEachRow(3) FROM numbers(9) SETTINGS max_execution_time = 0.2, max_block_size = 1",
                408,
                "159",
                "TIMEOUT_EXCEEDED",
            ),
            ("SELECT 1 INTO OUTFILE 'weir-denied'", 500, "358", "INTO_OUTFILE_NOT_ALLOWED"),
            ("INSERT INTO x FROM INFILE '/etc/passwd' FORMAT CSV", 500, "358", "INTO_OUTFILE_NOT_ALLOWED"),
        ],
    )
    def test_errors(self, plain: httpx.Client, sql: str, status: int, code: str, name: str) -> None:
        answer = plain.post("/", content=sql)
        assert answer.headers["X-ClickHouse-Exception-Code"] == code, answer.text
        assert answer.status_code == status
        assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
        assert f"({name})" in answer.text
        assert answer.text.count("DB::Exception") == 1

    def test_an_unknown_database(self, plain: httpx.Client) -> None:
        assert plain.post("/", params={"database": "no`pe"}, content="SELECT 1").status_code == 404


class TestPasswords:
    def test_ways_to_give_one(self, warehouse_server: EmbeddedServer) -> None:
        def ask(**how: Any) -> httpx.Response:
            return httpx.post(warehouse_server.url, content="SELECT 1", trust_env=False, **how)

        assert ask(auth=("default", PASSWORD)).text == "1\n"
        assert ask(params={"user": "default", "password": PASSWORD}).text == "1\n"
        assert ask(headers={"X-ClickHouse-User": b"default", "X-ClickHouse-Key": PASSWORD.encode()}).text == "1\n"
        assert ask().status_code == 401
        assert ask().headers["X-ClickHouse-Exception-Code"] == "194"
        for wrong in (
            ("default", "x"),
            ("default", ""),
            ("nobody", PASSWORD),
            ("reader", PASSWORD),
            ("", PASSWORD + "x"),
        ):
            answer = ask(auth=wrong)
            assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516"), wrong

    def test_the_client_says_what_to_do(self, warehouse: WarehouseSettings) -> None:
        wrong = warehouse.model_copy(update={"clickhouse_user": "nobody"})
        with pytest.raises(WarehouseUnavailable, match="WEIR_CLICKHOUSE_PASSWORD"):
            connect(wrong)
        away = warehouse.model_copy(update={"clickhouse": "http://127.0.0.1:1"})
        with pytest.raises(WarehouseUnavailable, match="No ClickHouse answers"):
            connect(away)
        empty = warehouse.model_copy(update={"clickhouse_database": "nothing_here"})
        with pytest.raises(WarehouseUnavailable, match="weir migrate"):
            connect(empty)

    async def test_the_async_client_too(self, warehouse: WarehouseSettings) -> None:
        wrong = warehouse.model_copy(update={"clickhouse_user": "nobody"})
        with pytest.raises(WarehouseUnavailable, match="WEIR_CLICKHOUSE_PASSWORD"):
            await connect_async(wrong)
        away = warehouse.model_copy(update={"clickhouse": "http://127.0.0.1:1"})
        with pytest.raises(WarehouseUnavailable, match="No ClickHouse answers"):
            await connect_async(away)


def test_curl(warehouse_server: EmbeddedServer) -> None:
    def curl(*arguments: str, data: bytes = b"") -> bytes:
        command = ["curl", "-sS", "--noproxy", "*", "-u", f"default:{PASSWORD}", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    assert curl(f"{warehouse_server.url}/?query=SELECT%201") == b"1\n"
    assert curl("--data-binary", "SELECT 'x' FORMAT JSONEachRow", warehouse_server.url) == b'{"\'x\'":"x"}\n'
    assert curl("--compressed", "-d", "SELECT 2", warehouse_server.url) == b"2\n"
    big = b"SELECT 1, '" + b"x" * 200_000 + b"'"
    assert len(curl("-T", "-", "-X", "POST", warehouse_server.url, data=big)) == 200_003
