"""Clicks for the tests of the stream."""

from typing import Any

from ingest.events import Kind, RawClick
from streams.enrich.parameters import Parameters
from streams.raw import RawColumns
from warehouse.columns import Column


def click(**fields: Any) -> RawClick:
    """A click with the given fields."""
    given: dict[str, Any] = {"kind": Kind.CLICK, "src": 1, "seq": 1, "ts": 1_790_000_000_000, **fields}
    return RawClick(**given)


def columns(*clicks: RawClick) -> dict[str, Column]:
    """The clicks as an enricher gets them."""
    gathered = RawColumns()
    if clicks:
        gathered.extend(clicks)
    raw = gathered.columns()
    return {**raw, **Parameters()(raw)}
