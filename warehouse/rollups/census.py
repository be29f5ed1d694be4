"""The census: which offsets the ledger has beyond a clock, and how many live events each unit has at them."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from clickhouse_connect.driver.client import Client

from warehouse.rollups.clock import Clock, Place
from warehouse.rollups.families import UnitKind
from warehouse.rollups.statements import census, rows
from warehouse.sql import load


class Uneven(Exception):
    """There is not just one live row for each offset that is stored: nothing can be rolled until that is mended."""


@dataclasses.dataclass(frozen=True)
class Census:
    """What is there beyond a clock."""

    clock: Clock
    """The clock before, and every offset beyond it that was counted here."""
    counts: Mapping[int, int]
    """Unit → live events of it at the offsets that were added."""


def stored(client: Client) -> Clock:
    """Every partition of the ledger, from its first row to its last; what is missing between them is in it, too."""
    return Clock.of(rows(client, load("rollup_log"), {}))


def take(client: Client, kind: UnitKind, zone: str, switch: int, *, known: Clock, log: Clock) -> Census:
    """Count what `log` has beyond `known`. An offset that has no row is left out of the clock. Raises `Uneven`."""
    wanted = log - known
    if not wanted.ranges:
        return Census(known, {})
    counts: Counter[int] = Counter()
    found: defaultdict[Place, int] = defaultdict(int)
    for topic_id, partition, unit, events in rows(client, *census(kind, zone, switch, known=known, wanted=wanted)):
        counts[unit] += events
        found[topic_id, partition] += events
    short = {place: runs for place, runs in wanted.ranges.items() if found[place] != sum(map(len, runs))}
    if short:
        there = _islands(client, Clock(short))
        for place in short:
            if found[place] != sum(map(len, there.ranges.get(place, ()))):
                raise Uneven(
                    f"Partition {place[1]} of topic {place[0]} has not just one row in the answers for each offset that"
                    " is stored. `weir audit` says where; nothing is rolled until it is mended."
                )
        wanted = Clock({place: runs for place, runs in wanted.ranges.items() if place not in short}) | there
    return Census(known | wanted, dict(counts))


def _islands(client: Client, wanted: Clock) -> Clock:
    """The offsets of `wanted` that have a row."""
    found: list[tuple[Any, ...]] = []
    for topic_id, partition in wanted.ranges:
        some = Clock({(topic_id, partition): wanted.ranges[topic_id, partition]})
        sql = load("rollup_islands").replace("$wanted", some.condition("w"))
        found += [(topic_id, partition, *run) for run in rows(client, sql, some.parameters("w"))]
    return Clock.of(found)
