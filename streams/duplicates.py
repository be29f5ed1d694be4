"""Duplicates: the same click id again. Only flagged clicks can be one: sent again after a doubt, or imported."""

from collections.abc import Collection

import numpy as np

from warehouse.columns import Columns

ClickKey = tuple[int, int]
"""(src, seq): what is random in a click id."""


def flagged(columns: Columns) -> list[ClickKey]:
    """The ids that have to be looked up in the ledger."""
    src, seq, resent = (np.asarray(columns[name]) for name in ("src", "seq", "resent"))
    places = np.flatnonzero(resent)
    return list(zip(src[places].tolist(), seq[places].tolist(), strict=True))


def duplicates(columns: Columns, known: Collection[ClickKey]) -> list[int]:
    """Places of the clicks that were counted before: in the ledger (`known`) or earlier in this batch.

    Nothing is compared in a batch without a flagged click: ids are unique where nothing was sent twice.
    """
    if not np.any(np.asarray(columns["resent"])):
        return []
    seen = set(known)
    found = []
    for place, key in enumerate(zip(columns["src"], columns["seq"], strict=True)):
        if key in seen:
            found.append(place)
        seen.add(key)
    return found
