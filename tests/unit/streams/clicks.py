"""Clicks for the tests of the stream."""

from typing import Any

from ingest.events import Kind, RawClick


def click(**fields: Any) -> RawClick:
    """A click with the given fields."""
    given: dict[str, Any] = {"kind": Kind.CLICK, "src": 1, "seq": 1, "ts": 1_790_000_000_000, **fields}
    return RawClick(**given)
