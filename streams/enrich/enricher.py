"""What an enricher is: a callable over the clicks of a batch that returns new columns."""

from typing import Protocol

from warehouse.columns import Columns


class Enricher(Protocol):
    """One enrichment: pure in what it is given and in the lookups that it was made with; no clock, no I/O, no chance.

    `columns` names what it makes. It is given the raw columns and those of the enrichers that stand before it in the
    pipeline's order; texts are `Coded`, so that work is done once a distinct value. It does not raise on any click that
    decodes.
    """

    columns: tuple[str, ...]

    def __call__(self, columns: Columns) -> Columns:
        """The new columns, for all clicks of the batch."""


def step_name(enricher: Enricher) -> str:
    """By which metrics, `weir try` and docs/enrichment.md call an enricher: its file."""
    return type(enricher).__module__.rpartition(".")[2]
