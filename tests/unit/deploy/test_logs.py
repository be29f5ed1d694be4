"""Logs on a disk that is full."""

import contextlib
from pathlib import Path

import pytest

from deploy.logs import Lines


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical", "exception", "msg"])
def test_who_says_something_goes_on_where_no_line_can_be_written(level: str) -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115  # closing it is an error too
    with pytest.raises(OSError, match="No space"):
        print("a line", file=full, flush=True)
    getattr(Lines(full), level)("a line")
    with contextlib.suppress(OSError):
        full.close()
