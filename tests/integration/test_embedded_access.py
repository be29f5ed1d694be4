"""The reader of the embedded warehouse reads, and does nothing else, however it is asked."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.fixtures.warehouse import PASSWORD, READER_PASSWORD, EmbeddedServer
from warehouse.client import connect
from warehouse.settings import WarehouseSettings


@pytest.fixture(scope="module")
def book(warehouse_server: EmbeddedServer) -> Iterator[str]:
    """A database with a table of three rows and a dictionary."""
    with connect(warehouse_server.settings(), database=None) as client:
        client.command("CREATE DATABASE book ENGINE = Atomic")
        client.command("CREATE TABLE book.t (n UInt64) ENGINE = MergeTree ORDER BY n")
        client.command("INSERT INTO book.t VALUES (1), (2), (3)")
        client.command(
            "CREATE DICTIONARY book.d (n UInt64, m UInt64) PRIMARY KEY n SOURCE(CLICKHOUSE(QUERY"
            " 'SELECT n, n * 10 AS m FROM book.t')) LIFETIME(1) LAYOUT(FLAT())"
        )
        yield "book"
        client.command("DROP DATABASE book SYNC")


def as_reader(server: EmbeddedServer, sql: str, *, method: str = "POST", **params: str) -> httpx.Response:
    params = {"query": sql, "database": "book", **params}
    return httpx.request(
        method, server.url, params=params, auth=("reader", READER_PASSWORD), trust_env=False, timeout=30
    )


def count(server: EmbeddedServer) -> str:
    sql = {"query": "SELECT count(), sum(n) FROM book.t"}
    return httpx.get(server.url, params=sql, auth=("default", PASSWORD), trust_env=False).text


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("SELECT sum(n) FROM t", "6\n"),
        ("WITH 2 AS two SELECT n FROM t WHERE n > two", "3\n"),
        ("SELECT dictGet('d', 'm', 2::UInt64)", "20\n"),
        ("SHOW TABLES", "d\nt\n"),
        ("EXISTS t", "1\n"),
        ("SELECT name FROM system.columns WHERE database = 'book' AND table = 't'", "n\n"),
        ("SELECT * FROM (SELECT getSetting('readonly') SETTINGS readonly = 0)", "1\n"),
        ("DESCRIBE t", "n\tUInt64\t\t\t\t\t\n"),
    ],
)
def test_reading(warehouse_server: EmbeddedServer, book: str, sql: str, answer: str) -> None:
    for method in ("GET", "POST"):
        assert as_reader(warehouse_server, sql, method=method).text == answer


DENIED = [
    # Writing
    "INSERT INTO t VALUES (4)",
    "INSERT INTO t SELECT 4",
    "INSERT INTO t FORMAT TSV\n4",
    "INSERT INTO FUNCTION file('weir-denied', 'CSV', 'n UInt8') VALUES (1)",
    "INSERT INTO FUNCTION null('n UInt8') VALUES (1)",
    "WITH 4 AS four INSERT INTO t SELECT four",
    "CREATE TABLE u (n UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE u (n UInt8)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE DATABASE mine",
    "CREATE FUNCTION f AS x -> x",
    "CREATE USER mallory",
    "CREATE ROLE mallory",
    "CREATE NAMED COLLECTION c AS a = 1",
    "ALTER TABLE t DELETE WHERE 1",
    "ALTER TABLE t ADD COLUMN m UInt8",
    "DELETE FROM t WHERE 1",
    "TRUNCATE TABLE t",
    "DROP TABLE t",
    "DETACH TABLE t",
    "RENAME TABLE t TO u",
    "OPTIMIZE TABLE t FINAL",
    "BACKUP TABLE t TO File('weir-denied')",
    # Ruling
    "SYSTEM STOP MERGES",
    "SYSTEM RELOAD DICTIONARIES",
    "SYSTEM SHUTDOWN",
    "KILL QUERY WHERE 1",
    "KILL QUERY WHERE 1 TEST",
    "GRANT ALL ON *.* TO default",
    "SET max_threads = 1",
    "SET readonly = 0",
    "SET ROLE writer",
    "SET ROLE ALL",
    "SET DEFAULT ROLE ALL TO default",
    "EXECUTE AS default SELECT 1",
    "USE system",
    # Settings in the query
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_memory_usage = 1",
    "SELECT 1 SETTINGS allow_ddl = 0",
    # Files and networks
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
    "WITH (SELECT any(line) FROM file('/etc/passwd', 'LineAsString')) AS x SELECT x",
    "DESCRIBE TABLE file('/etc/passwd', 'LineAsString')",
    "EXPLAIN SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT `f\\x69le`('/etc/passwd')",
    "SELECT p.* APPLY(file) FROM (SELECT '/etc/passwd' AS p) AS p",
    "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
    "SELECT * FROM eval('SELECT file(''/etc/passwd'')')",
    "SELECT 1 INTO OUTFILE 'weir-denied'",
    "SELECT 1 INTO OUTFILE 'weir-denied' TRUNCATE FORMAT CSV",
    "SELECT 1 INTO/**/OUTFILE 'weir-denied'",
    "SELECT 1 INTO -- \n OUTFILE 'weir-denied' AND STDOUT",
    "EXPLAIN SELECT 1 INTO OUTFILE 'weir-denied'",
    "SHOW TABLES INTO OUTFILE 'weir-denied'",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM filesystem('/etc')",
    "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:9/bucket/key.csv', 'CSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1:9', 'system', 'one')",
    "SELECT * FROM mysql('127.0.0.1:9', 'a', 'b', 'c', 'd')",
    "SELECT * FROM postgresql('127.0.0.1:9', 'a', 'b', 'c', 'd')",
    "SELECT * FROM mongodb('127.0.0.1:9', 'a', 'b', 'c', 'd', 'e String')",
    "SELECT * FROM redis('127.0.0.1:9', 'k', 'k String')",
    "SELECT * FROM sqlite('x.db', 't')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT * FROM icebergLocal('/etc')",
    "SELECT * FROM deltaLakeLocal('/etc')",
    "SELECT * FROM paimonLocal('/etc')",
    "SELECT * FROM python(x)",
    "SELECT * FROM Python(x)",
    "SELECT * FROM `python`(x)",
    "SELECT addressToLine(1::UInt64)",
    "SELECT aiGenerate('x')",
    # Several statements
    "SELECT 1; SELECT 2",
    "SELECT 1; SET readonly = 0; INSERT INTO t VALUES (4)",
    "SELECT 1;INSERT INTO t VALUES (4)",
]


@pytest.mark.parametrize("sql", DENIED)
def test_denied(warehouse_server: EmbeddedServer, book: str, sql: str) -> None:
    for method in ("GET", "POST"):
        answer = as_reader(warehouse_server, sql, method=method)
        assert answer.status_code >= 400, answer.text
        assert answer.headers["X-ClickHouse-Exception-Code"] != "1002", answer.text
        assert "root:" not in answer.text
        assert "daemon:" not in answer.text
    assert count(warehouse_server) == "3\t6\n"
    assert not Path("weir-denied").exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("readonly", "0"),
        ("readonly", "2"),
        ("allow_ddl", "0"),
        ("max_memory_usage", "1"),
        ("format_schema", "/etc/passwd"),
        ("dialect", "prql"),
        ("no_such_setting", "1"),
    ],
)
def test_settings_in_the_url_are_refused(warehouse_server: EmbeddedServer, book: str, setting: str, value: str) -> None:
    answer = as_reader(warehouse_server, "SELECT 1", **{setting: value})
    assert answer.headers["X-ClickHouse-Exception-Code"] in ("164", "115"), answer.text


def test_a_setting_can_carry_no_statement(warehouse_server: EmbeddedServer, book: str) -> None:
    evil = "1'; SET readonly = 0; INSERT INTO book.t VALUES (4); --"
    as_reader(warehouse_server, "SELECT 1", max_threads=evil)
    as_reader(warehouse_server, "SELECT 1", log_comment=evil)
    as_reader(warehouse_server, "SELECT 1", database="book`; INSERT INTO book.t VALUES (4); --")
    as_reader(warehouse_server, "SELECT 1", query_id="*/; INSERT INTO book.t VALUES (4); /*")
    as_reader(warehouse_server, "SELECT 1", default_format="TSV; INSERT INTO book.t VALUES (4)")
    as_reader(warehouse_server, "SELECT 1", **{"x = 1; INSERT INTO book.t VALUES (4); SET y": "1"})
    assert count(warehouse_server) == "3\t6\n"


def test_limits_and_looks_may_be_set(warehouse_server: EmbeddedServer, book: str) -> None:
    answer = as_reader(warehouse_server, "SELECT getSetting('max_execution_time')", max_execution_time="7")
    assert answer.text == "7\n"
    limited = as_reader(warehouse_server, "SELECT number FROM numbers(1000000)", max_result_rows="10")
    assert limited.headers["X-ClickHouse-Exception-Code"] == "396"


def test_the_engine_itself_refuses_the_reader(warehouse_server: EmbeddedServer, book: str) -> None:
    """The words are the engine's own: its rights hold, not only our look at the text."""
    assert (
        "Not enough privileges"
        in as_reader(warehouse_server, "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a UInt8')").text
    )
    assert "reader" in as_reader(warehouse_server, "SELECT arrayJoin(currentRoles())").text


def test_clickhouse_connect_as_reader(warehouse_server: EmbeddedServer, warehouse: WarehouseSettings) -> None:
    with connect(warehouse_server.reader(warehouse.clickhouse_database)) as client:
        assert client.query("SELECT count() FROM v_clicks").result_rows == [(0,)]
        with pytest.raises(DatabaseError) as refused:
            client.insert("fences", [[0, 1, 1]], column_names=["topic_id", "kafka_partition", "nonce"])
        assert refused.value.code in (164, 497)


@pytest.mark.parametrize("function", ["sqlite('{name}', 't')", "file('{name}', 'CSV', 'n UInt8')"])
def test_what_is_refused_leaves_no_file_where_the_process_was_started(
    warehouse_server: EmbeddedServer, book: str, function: str
) -> None:
    name = f"{uuid4().hex}.db"
    assert as_reader(warehouse_server, f"SELECT * FROM {function.format(name=name)}").status_code != 200
    assert not Path(name).exists()


def test_no_reader_without_a_password(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "data", reader_password="")
    server.start()
    try:
        answer = httpx.post(server.url, content="SELECT 1", auth=("reader", ""), trust_env=False)
        assert answer.status_code == 403
    finally:
        server.stop()


def test_the_reader_does_not_see_who_has_keys(warehouse_server: EmbeddedServer, book: str) -> None:
    with connect(warehouse_server.settings(), database=None) as client:
        client.command("CREATE DATABASE weir ENGINE = Atomic")
        for table in ("api_keys", "api_writes", "links"):
            client.command(f"CREATE TABLE weir.{table} (name String) ENGINE = MergeTree ORDER BY name")
    try:
        assert as_reader(warehouse_server, "SELECT count() FROM weir.links").text == "0\n"
        for sql in (
            "SELECT * FROM weir.api_keys",
            "SELECT * FROM weir.api_writes",
            "SELECT * FROM merge('weir', '^api_keys$')",
            "SELECT count() FROM weir.links WHERE name IN (SELECT name FROM weir.api_keys)",
        ):
            assert as_reader(warehouse_server, sql).status_code >= 400
    finally:
        with connect(warehouse_server.settings(), database=None) as client:
            client.command("DROP DATABASE weir SYNC")
