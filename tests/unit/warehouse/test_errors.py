"""ClickHouse's errors, read and written."""

import pytest

from warehouse.embedded.errors import read


@pytest.mark.parametrize(
    ("text", "code", "name", "message", "status"),
    [
        ("Code: 60. DB::Exception: Unknown table 'x'. (UNKNOWN_TABLE)", 60, "UNKNOWN_TABLE", "Unknown table 'x'", 404),
        (
            "Code: 164. DB::Exception: Code: 164. DB::Exception: No. (READONLY) (version 26.9.2.1). (READONLY)",
            *(164, "READONLY", "No", 500),
        ),
        ("Code: 62. DB::Exception: At (a) (b). (SYNTAX_ERROR)", 62, "SYNTAX_ERROR", "At (a) (b)", 400),
        ("something else", 1002, "UNKNOWN_EXCEPTION", "something else", 500),
    ],
)
def test_errors_are_read(text: str, code: int, name: str, message: str, status: int) -> None:
    error = read(text)
    assert (error.code, error.name, error.message, error.status) == (code, name, message, status)


def test_errors_are_written() -> None:
    body = read("Code: 60. DB::Exception: No x. (UNKNOWN_TABLE)").body("26.9")
    assert body == "Code: 60. DB::Exception: No x. (UNKNOWN_TABLE) (version 26.9 (embedded))\n"
