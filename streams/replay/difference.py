"""The difference between two judgements of the same rows: how many changed, from what to what, by which reason."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from warehouse.columns import Columns, coded, together
from warehouse.events import ENRICHED_COLUMNS, JUDGED_COLUMNS

MADE_COLUMNS = tuple(name for name in JUDGED_COLUMNS + ENRICHED_COLUMNS if name != "rules_version")
"""What is held against each other."""

SHOWN = ("outcome", "verdict", "channel")
"""Of these it is told from what to what; of the others only in how many rows."""

GAINED, LOST = "reason gained", "reason lost"

Change = tuple[str, str, str]
"""What, before, after; a reason is gained (after) or lost (before)."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """Of some rows."""

    rows: int = 0
    changed: int = 0
    """Rows of which anything but `rules_version` is another."""
    changes: Mapping[Change, int] = dataclasses.field(default_factory=dict)
    """In how many rows."""

    def __add__(self, other: "Difference") -> "Difference":
        """Of these rows and those."""
        changes = Counter(self.changes)
        changes.update(other.changes)
        return Difference(self.rows + other.rows, self.changed + other.changed, changes)


def difference(before: Columns, after: Columns) -> Difference:
    """Of the same rows, before and after; both have `MADE_COLUMNS`."""
    rows = len(before["outcome"])
    changed, changes = np.zeros(rows, np.bool_), Counter[Change]()
    for name in MADE_COLUMNS:
        pairs = together(coded(before[name]), coded(after[name]))
        differ = np.array([not _same(*pair) for pair in pairs.values], np.bool_)
        changed |= differ[pairs.codes]
        for pair, times in pairs.counts().items():
            if not _same(*pair):
                changes.update(dict.fromkeys(_told(name, *pair), times))
    return Difference(rows, int(changed.sum()), changes)


def _same(before: Any, after: Any) -> bool:  # noqa: ANN401  # a column's value
    """Maps, which are tuples of pairs, have no order."""
    if isinstance(before, tuple) and isinstance(after, tuple):
        return sorted(before) == sorted(after)
    return bool(before == after)


def _told(name: str, before: Any, after: Any) -> Iterator[Change]:  # noqa: ANN401  # as above
    if name in SHOWN:
        yield name, str(before), str(after)
    elif name == "reasons":
        yield from ((LOST, str(reason), "") for reason in _less(before, after))
        yield from ((GAINED, "", str(reason)) for reason in _less(after, before))
    else:
        yield name, "", ""


def _less(some: Iterable[str], others: Iterable[str]) -> list[str]:
    return [reason for reason in some if reason not in set(others)]
