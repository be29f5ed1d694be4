"""SQL by name: `load("fence")` is the text of `fence.sql` beside this file."""

from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> str:
    """The text of one statement; values are bound by the server, nothing is ever put in by hand."""
    return (files(__name__) / f"{name}.sql").read_text()
