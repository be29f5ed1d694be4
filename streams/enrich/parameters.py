"""Parameters: what of a query the enrichers look at, without what only this one click has."""

from streams.enrich.click_ids import RANK
from streams.enrich.utm import KEYS
from warehouse.columns import Columns, coded

BEGINNING = 3
"""Letters of a name by which it is told apart: enough to leave most of a query alone, the fewest that a name has."""
BEGINNINGS = {name[:BEGINNING] for name in (*KEYS, *RANK)}


def known_parameters(query: str) -> str:
    """The pairs of a raw query whose names may mean something here, as they stand there.

    Queries are often unique (a recipient's id stands in them) where these pairs are not: what is worked out of them is
    worked out a few hundred times a batch instead of thousands.
    """
    return "&".join([pair for pair in query.split("&") if pair[:BEGINNING].lower() in BEGINNINGS])


class Parameters:
    """`parameters` from the query: not stored, the other enrichers read it."""

    columns: tuple[str, ...] = ("parameters",)

    def __call__(self, columns: Columns) -> Columns:
        """What is to be looked at of every click's query."""
        return {"parameters": coded(columns["query"]).map(known_parameters)}
