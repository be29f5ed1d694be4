"""Logs on a disk that is full, and of libraries that repeat themselves."""

import contextlib
import logging
from pathlib import Path

import pytest

from deploy.logs import Lines, Repeats


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical", "exception", "msg"])
def test_who_says_something_goes_on_where_no_line_can_be_written(level: str) -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115  # closing it is an error too
    with pytest.raises(OSError, match="No space"):
        print("a line", file=full, flush=True)
    getattr(Lines(full), level)("a line")
    with contextlib.suppress(OSError):
        full.close()


def test_what_a_library_repeats_is_said_once_in_half_a_minute() -> None:
    now = 0.0
    repeats = Repeats(30.0, lambda: now)

    def said(text: str, *args: object) -> str:
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, text, args, None)
        return record.getMessage() if repeats.filter(record) else ""

    assert said("Unable connect to %s", "a") == "Unable connect to a"
    assert [said("Unable connect to %s", "a") for _ in range(3)] == ["", "", ""]
    assert said("Unable connect to %s", "b") == "Unable connect to b"
    now = 30.0
    assert said("Unable connect to %s", "a") == "Unable connect to a (and 3 times more since)"
    assert said("Unable connect to %s", "a") == ""
    for number in range(2000):
        assert said("%d", number)
