"""What a request's text is taken for."""

import pytest

from warehouse.embedded.errors import QueryError
from warehouse.embedded.statement import Kind, parse


@pytest.mark.parametrize(
    ("text", "kind", "format_"),
    [
        ("SELECT 1", Kind.SELECT, ""),
        ("select 1 format JSON", Kind.SELECT, "JSON"),
        ("SELECT 1 FORMAT JSON;", Kind.SELECT, "JSON"),
        ("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", Kind.SELECT, "JSON"),
        ("SELECT format FROM t", Kind.SELECT, ""),
        ("SELECT 1 AS format", Kind.SELECT, ""),
        ("SELECT 1 AS format FORMAT CSV", Kind.SELECT, "CSV"),
        ("SELECT (SELECT 1 AS format SETTINGS a = 1)", Kind.SELECT, ""),
        ("((SELECT 1) UNION ALL SELECT 2)", Kind.SELECT, ""),
        ("/* a */ WITH x AS (SELECT 1) SELECT * FROM x", Kind.SELECT, ""),
        ("FROM t SELECT 1", Kind.SELECT, ""),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", Kind.OTHER, ""),
        ("SHOW TABLES FORMAT CSV", Kind.SHOW, "CSV"),
        ("EXPLAIN SELECT 1", Kind.SHOW, ""),
        ("KILL QUERY WHERE 1", Kind.KILL, ""),
        ("CREATE TABLE t (a UInt8) ENGINE = Memory", Kind.OTHER, ""),
        ("INSERT INTO t SELECT 1", Kind.OTHER, ""),
        ("INSERT INTO t SELECT format FROM u", Kind.OTHER, ""),
        ("INSERT INTO t (a) FORMAT Native\n", Kind.INSERT, "Native"),
    ],
)
def test_kinds(text: str, kind: Kind, format_: str) -> None:
    statement = parse(text)
    assert (statement.kind, statement.format) == (kind, format_)


@pytest.mark.parametrize(
    ("text", "reading", "data"),
    [
        ("INSERT INTO t FORMAT CSV\n1,2", "INSERT INTO t  FROM INFILE '/dev/fd/9' FORMAT CSV", "1,2"),
        ("INSERT INTO t FORMAT CSV  1,2", "INSERT INTO t  FROM INFILE '/dev/fd/9' FORMAT CSV", "1,2"),
        ("INSERT INTO t FORMAT CSV\r\n\n1", "INSERT INTO t  FROM INFILE '/dev/fd/9' FORMAT CSV", "\n1"),
        (
            "INSERT INTO d.t (a, b) VALUES (1, ';')",
            "INSERT INTO d.t (a, b)  FROM INFILE '/dev/fd/9' FORMAT Values",
            " (1, ';')",
        ),
        ("insert into table `x y` values(1)", "insert into table `x y`  FROM INFILE '/dev/fd/9' FORMAT Values", "(1)"),
        (
            "INSERT INTO format SETTINGS a = 1 FORMAT TSV\n\x00;'",
            "INSERT INTO format  FROM INFILE '/dev/fd/9' SETTINGS a = 1 FORMAT TSV",
            "\x00;'",
        ),
        (
            "INSERT INTO FUNCTION null('a UInt8') FORMAT TSV\n1",
            "INSERT INTO FUNCTION null('a UInt8')  FROM INFILE '/dev/fd/9' FORMAT TSV",
            "1",
        ),
        (
            "INSERT INTO t SELECT a FROM input('a UInt8') FORMAT TSV\n1",
            "INSERT INTO t  FROM INFILE '/dev/fd/9' SELECT a FROM input('a UInt8') FORMAT TSV",
            "1",
        ),
        (
            'INSERT INTO t FORMAT JSONEachRow{"a": 1}',
            "INSERT INTO t  FROM INFILE '/dev/fd/9' FORMAT JSONEachRow",
            '{"a": 1}',
        ),
    ],
)
def test_inserts(text: str, reading: str, data: str) -> None:
    statement = parse(text)
    assert statement.kind is Kind.INSERT
    assert statement.reading(9) == reading
    assert text[statement.data_start :] == data


def test_an_answer_goes_into_a_descriptor() -> None:
    statement = parse("SELECT 1 FORMAT JSON SETTINGS a = 1 -- done\n;")
    assert statement.into(7, "TSV") == "SELECT 1  SETTINGS a = 1 -- done\n\nINTO OUTFILE '/dev/fd/7' APPEND FORMAT JSON"
    assert parse("SELECT 1").into(7, "TSV").endswith("FORMAT TSV")


@pytest.mark.parametrize(
    "text",
    [
        *("", ";", "-- nothing", "SELECT 1; SELECT 2", "SELECT 1;;SELECT 2"),
        *("SELECT 1 INTO OUTFILE 'x'", "select 1 into/**/outfile 'x'", "INSERT INTO t FROM INFILE 'x' FORMAT CSV"),
        *("EXPLAIN SELECT 1 INTO OUTFILE 'x'", "INSERT INTO t (a) FROM INFILE 'x' SETTINGS a = 1 FORMAT CSV"),
        *("SELECT 1 AS x$$ INTO OUTFILE 'x' -- $$", "SELECT 1 # not a comment? \n INTO OUTFILE 'x'"),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(QueryError):
        parse(text)


def test_outfile_may_be_a_name() -> None:
    assert parse("SELECT 'INTO OUTFILE', `INTO`, outfile FROM infile").kind is Kind.SELECT
