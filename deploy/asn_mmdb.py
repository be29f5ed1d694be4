"""Networks by autonomous system: lists of address ranges (CSV) made into one MMDB database.

mmdb-writer takes a network at a time through netaddr: 150 µs a range, 80 s for the half million of the set (measured).
The ranges come sorted, so the search tree is built from the top instead, each node once, and mmdb-writer writes it.
"""

import contextlib
import csv
import gc
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mmdb_writer import MMDBWriter, SearchTreeLeaf, SearchTreeNode

BITS = 128
DATABASE_TYPE = "asn"
"""What `streams.enrich.mmdb` knows a flat network database by."""
REPORT_EVERY = 4096

Tree = SearchTreeNode | SearchTreeLeaf | None


class Range(NamedTuple):
    """Addresses of one system, as numbers; IPv4 stands in the lowest 32 bits, where MMDB wants it."""

    first: int
    last: int
    asn: int
    name: str


def read_ranges(path: Path) -> Iterator[Range]:
    """The lines `first,last,number,name` of a CSV file, addresses as numbers; `ValueError` at a line that is none."""
    with path.open(encoding="utf-8", newline="") as file:
        for first, last, number, name in csv.reader(file):
            yield Range(int(first), int(last), int(number), name)


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Sorted ranges with neighbours of the same system as one; one that another begins within ends there.

    Raises `ValueError` where they are not sorted.
    """
    found: list[Range] = []
    before = Range(-1, -1, 0, "")
    for item in ranges:
        if item.first <= before.first:
            raise ValueError(f"The ranges are not sorted: AS{item.asn} begins at {item.first}, after {before.first}.")
        if item.first <= before.last:
            before = found[-1] = before._replace(last=item.first - 1)
        if found and (before.last + 1, before.asn, before.name) == (item.first, item.asn, item.name):
            found[-1] = before = before._replace(last=item.last)
        else:
            found.append(item)
            before = item
    return found


class TreeBuilder:
    """The binary search tree over the bits of an address, from sorted ranges that don't overlap."""

    def __init__(self, ranges: list[Range], advance: Callable[[int], object]) -> None:
        self._firsts = [item.first for item in ranges]
        self._lasts = [item.last for item in ranges]
        systems = {item[2:]: SearchTreeLeaf(record(item)) for item in ranges}  # one leaf a system: it is written once
        self._leaves = [systems[item[2:]] for item in ranges]
        self._advance = advance
        self._reported = 0

    def build(self, low: int = 0, high: int | None = None, base: int = 0, bits: int = BITS) -> Tree:
        """The tree of the 2^`bits` addresses from `base`, which the ranges from `low` until `high` reach into."""
        high = len(self._leaves) if high is None else high
        if low == high:
            return None
        if high - low == 1 and self._firsts[low] <= base and self._lasts[low] >= base + (1 << bits) - 1:
            self._report(high)
            return self._leaves[low]
        half = base + (1 << (bits - 1))
        right = bisect_left(self._firsts, half, low, high)
        astride = right > low and self._lasts[right - 1] >= half
        return SearchTreeNode(self.build(low, right, base, bits - 1), self.build(right - astride, high, half, bits - 1))

    def _report(self, done: int) -> None:
        if done - self._reported >= REPORT_EVERY:
            self._reported = done
            self._advance(done)


def record(item: Range) -> dict[str, int | str]:
    """What the database says of an address, in the fields that MaxMind uses."""
    return {"autonomous_system_number": item.asn, "autonomous_system_organization": item.name}


def write_database(ranges: list[Range], path: Path, advance: Callable[[int], object]) -> None:
    """Write merged ranges as an MMDB file; `advance` is told how many are in the tree."""
    writer = MMDBWriter(
        ip_version=6,
        database_type=DATABASE_TYPE,
        ipv4_compatible=True,
        int_type="u32",
        languages=["en"],
        description={"en": "Networks by autonomous system"},
    )
    with collector_paused():
        tree = TreeBuilder(ranges, advance).build()
        if not isinstance(tree, SearchTreeNode):
            raise ValueError("There is no range to write.")
        writer.tree = tree
        writer.to_db_file(str(path))


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Python's garbage collector would walk the growing tree over and over: five of thirteen seconds (measured)."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
