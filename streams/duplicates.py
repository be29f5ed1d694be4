"""Duplicates: the same click id again. Only flagged clicks can be one: sent again after a doubt, or imported."""

from collections.abc import Collection, Sequence

from ingest.events import RawClick

ClickKey = tuple[int, int]
"""(src, seq): what is random in a click id."""


def flagged(clicks: Sequence[RawClick]) -> list[ClickKey]:
    """The ids that have to be looked up in the ledger."""
    return [(click.src, click.seq) for click in clicks if click.resent]


def duplicates(clicks: Sequence[RawClick], known: Collection[ClickKey]) -> list[int]:
    """Places of the clicks that were counted before: in the ledger (`known`) or earlier in this batch.

    Nothing is compared in a batch without a flagged click: ids are unique where nothing was sent twice.
    """
    if not any(click.resent for click in clicks):
        return []
    seen = set(known)
    found = []
    for place, click in enumerate(clicks):
        key = (click.src, click.seq)
        if key in seen:
            found.append(place)
        seen.add(key)
    return found
