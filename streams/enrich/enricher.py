"""What an enricher is: a callable over the clicks of a batch that returns new columns."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ingest.events import RawClick

Column = list[Any]
"""One value a click, in the batch's order."""

Columns = Mapping[str, Column]
"""Column name → values; every column has the batch's length."""


class Enricher(Protocol):
    """One enrichment: pure in what it is given and in the lookups that it was made with; no clock, no I/O, no chance.

    `columns` names what it makes, from `warehouse.events.ENRICHED_COLUMNS`. It may read the columns of enrichers that
    stand before it in the pipeline's order. It does not raise on any click that decodes.
    """

    columns: tuple[str, ...]

    def __call__(self, clicks: Sequence[RawClick], columns: Columns) -> Columns:
        """The new columns, for all clicks of the batch."""
