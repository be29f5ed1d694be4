"""ClickHouse's errors told apart: each code means one thing to a writer."""

import aiohttp
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, DataError, OperationalError, ProgrammingError

from warehouse.failures import (
    ADVICE,
    PASSING,
    ROWS,
    TOO_MUCH,
    Doubtful,
    Failure,
    Fenced,
    Misconfigured,
    Refused,
    TooLarge,
    Unstorable,
    judge,
)

FENCE = "Constraint `fenced` for table weir.events (7f) is violated at row 1. Expression: (fence > 0)."
OTHER = "Constraint `no_tests` for table weir.events (7f) is violated at row 17. Expression: (path != '/fenced')."
TABLE = [
    (209, "Timeout exceeded while reading from socket", Doubtful),
    (252, "Too many parts (3000)", Doubtful),
    (243, "Cannot reserve 1.00 MiB, not enough space", Doubtful),
    (33, "Cannot read all data", Doubtful),
    (241, "(total) memory limit exceeded", TooLarge),
    (None, "HTTP driver received HTTP status 413, server response: <html>", TooLarge),
    (6, "Cannot parse string 'x' as UInt8: while pushing to view weir.mine", Unstorable),
    (117, "Incorrect data", Unstorable),
    (321, "Value out of range", Unstorable),
    (469, OTHER, Unstorable),
    (469, FENCE, Fenced),
    (497, "weir: Not enough privileges", Misconfigured),
    (516, "weir: Authentication failed", Misconfigured),
    (164, "Cannot execute query in readonly mode", Misconfigured),
    (16, "No such column channel in table weir.events", Misconfigured),
    (60, "Table weir.events does not exist", Misconfigured),
    (62, "Syntax error", Refused),
    (36, "Bad arguments", Refused),
    (None, "HTTP driver received HTTP status 502, server response: Bad Gateway", Doubtful),
]


@pytest.mark.parametrize(("code", "text", "meaning"), TABLE)
def test_a_code_means_one_thing(code: int | None, text: str, meaning: type[Failure]) -> None:
    failure = judge(DatabaseError(text, code=code), writing=True)
    assert type(failure) is meaning
    assert text in str(failure)


def test_no_code_stands_in_two_lists() -> None:
    lists = [PASSING, TOO_MUCH, ROWS, *ADVICE]
    assert sum(map(len, lists)) == len(frozenset().union(*lists))


@pytest.mark.parametrize(("code", "meaning"), [(241, Doubtful), (6, Refused), (209, Doubtful), (60, Misconfigured)])
def test_a_question_is_neither_too_large_nor_unstorable(code: int, meaning: type[Failure]) -> None:
    assert type(judge(DatabaseError("no", code=code), writing=False)) is meaning


@pytest.mark.parametrize(
    "error",
    [OperationalError("Network Error"), TimeoutError(), ConnectionResetError("reset"), aiohttp.ClientError("x")],
)
def test_a_lost_answer_is_a_doubt(error: Exception) -> None:
    assert type(judge(error, writing=True)) is Doubtful
    assert str(judge(error, writing=True))


def test_what_stays_says_what_to_do() -> None:
    found = judge(DatabaseError("Code: 60. Unknown table events\n\nstack", code=60), writing=True)
    assert str(found) == (
        "The schema is not this version's: run `weir migrate`. ClickHouse said: Code: 60. Unknown table events"
    )


def test_what_is_neither_the_clients_nor_the_networks_stays_itself() -> None:
    for error in (KeyError("x"), RuntimeError("session is closed"), Fenced("x")):
        assert judge(error, writing=True) is error
    assert isinstance(judge(ProgrammingError("closed"), writing=True), Doubtful)
    assert isinstance(judge(DataError("None in a non-Nullable column"), writing=True), Refused)
