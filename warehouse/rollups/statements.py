"""The roller's statements: each a template of `warehouse.sql`, filled with names of our own tables and columns only."""

from collections.abc import Collection, Mapping, Sequence
from string import Template
from typing import Any

from clickhouse_connect.driver.client import Client

from warehouse.events import COUNTED
from warehouse.rollups.book import Unit
from warehouse.rollups.clock import Clock
from warehouse.rollups.families import DAY, HOUR, PRECISION, Family, UnitKind
from warehouse.rollups.units import end_of
from warehouse.sql import load

LONGEST = 240
"""Seconds that one statement may take; the client waits for five minutes."""

Statement = tuple[str, dict[str, Any]]
"""SQL, and what is bound in it."""

UNIT = {
    UnitKind.HOUR: f"intDiv(toUnixTimestamp(ts), {HOUR}) * {HOUR}",
    UnitKind.DAY: "toUnixTimestamp(toStartOfDay(ts, {zone:String}))",
}
"""The start of the unit in which a row's `ts` lies, Unix seconds."""

_VISITOR = "outcome IN ({}) AND visitor_id != 0".format(", ".join(f"'{outcome}'" for outcome in COUNTED))
_STATES = f"uniqCombined64StateIf({PRECISION})(salt_day, visitor_id, {_VISITOR}) AS visitors"
_RAW_VISITORS = f", {_STATES}, countIf({_VISITOR}) AS visitor_clicks"
_MERGED_VISITORS = f", uniqCombined64MergeState({PRECISION})(visitors), sum(visitor_clicks)"


def rows(client: Client, sql: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """The rows of a question, within the roller's limits."""
    return client.query(sql, parameters=dict(parameters), settings=limits()).result_rows


def limits(megabytes: int = 1000) -> dict[str, Any]:
    """Settings of every statement: one thread, so that inserts and answers have the others; sorted on disk if need be.

    One snapshot serves all parts of a statement.
    """
    return {
        "max_threads": 1,
        "max_insert_threads": 1,
        "max_execution_time": LONGEST,
        "max_memory_usage": megabytes * 1_000_000,
        "max_bytes_before_external_group_by": megabytes * 500_000,
        "max_partitions_per_insert_block": 0,
        "async_insert": 0,
        "enable_shared_storage_snapshot_in_query": 1,
    }


def census(kind: UnitKind, zone: str, switch: int, *, known: Clock, wanted: Clock) -> Statement:
    """Live events at the wanted offsets, by partition and unit."""
    sql = _filled(
        "rollup_census", switch, unit=UNIT[kind], day=known.first_day_beyond("k"), wanted=wanted.condition("w")
    )
    return sql, {"zone": zone, **known.parameters("k"), **wanted.parameters("w")}


def fresh(family: Family, zone: str, seal: int, units: Collection[int], *, switch: int, clock: Clock) -> Statement:
    """Insert what raw has of some units at the clock's offsets."""
    sql = _filled("rollup_fresh", switch, **_names(family), counted=clock.condition("c"))
    return sql, {**_place(family, zone, seal, units), **clock.parameters("c")}


def merged(
    family: Family, zone: str, seal: int, units: Mapping[int, Unit], *, switch: int, known: Clock, added: Clock
) -> Statement:
    """Insert what some sealed units have, and what raw has of them at the offsets that came since `known`."""
    sql = _filled(
        "rollup_merged", switch, **_names(family), day=known.first_day_beyond("k"), added=added.condition("c")
    )
    place = _place(family, zone, seal, units)
    seals = [unit.seal for unit in units.values()]
    return sql, {**place, "seals": seals, **known.parameters("k"), **added.parameters("c")}


def recount(family: Family, zone: str, units: Collection[int], *, switch: int, clock: Clock) -> Statement:
    """Live events of some units at the clock's offsets."""
    sql = _filled("rollup_recount", switch, unit=UNIT[family.unit], counted=clock.condition("c"))
    return sql, {**_place(family, zone, 0, units), **clock.parameters("c")}


def sums(family: Family, seals: Collection[int] = ()) -> Statement:
    """Events under each of some seals, or of all that the table has."""
    return _filled("rollup_sums", table=family.table), {"seals": list(seals)}


def compared(family: Family, zone: str, units: Collection[int], *, switch: int, clock: Clock) -> Statement:
    """Live events by unit and outcome, at the clock's offsets, from the first of the units to the last."""
    sql = _filled("rollup_compared", switch, unit=UNIT[family.unit], counted=clock.condition("c"))
    return sql, {**_place(family, zone, 0, units), **clock.parameters("c")}


def sealed(family: Family, zone: str, units: Mapping[int, Unit]) -> Statement:
    """Events by unit and outcome under the seals of these units."""
    sql = _filled("rollup_sealed", unit=UNIT[family.unit], table=family.table)
    return sql, {**_place(family, zone, 0, units), "seals": [unit.seal for unit in units.values()]}


def visitors(family: Family, zone: str, seal: int, start: int, *, switch: int, clock: Clock) -> Statement:
    """Visitors of one unit by domain: from its states, and from raw at the clock's offsets."""
    sql = _filled(
        "rollup_visitors",
        switch,
        unit=UNIT[family.unit],
        table=family.table,
        counted=clock.condition("c"),
        precision=f"({PRECISION})",
        states=_STATES,
    )
    return sql, {**_place(family, zone, 0, [start]), "seal": seal, **clock.parameters("c")}


def _filled(name: str, switch: int = 0, **names: str) -> str:
    """Before the first switch every row in the answers is of edition 0, which is said in fewer words.

    What is made of it under that switch counts for nothing once there is another.
    """
    switched = load("switched").strip() if switch else "0 AS switched"
    live = load("live").strip() if switch else "edition = 0"
    return Template(load(name)).substitute(switched=switched, live=live, **names)


def _names(family: Family) -> dict[str, str]:
    keys = ", ".join(family.keys)
    more = ", visitors, visitor_clicks" if family.visitors else ""
    grain = (
        UNIT[UnitKind.DAY] if family.grain == DAY else f"intDiv(toUnixTimestamp(ts), {family.grain}) * {family.grain}"
    )
    return {
        "table": family.table,
        "columns": f"seal, ts, {keys}, n{more}",
        "unit": UNIT[family.unit],
        "grain": grain,
        "keys": keys,
        "raw_visitors": _RAW_VISITORS if family.visitors else "",
        "visitors": more,
        "merged_visitors": _MERGED_VISITORS if family.visitors else "",
    }


def _place(family: Family, zone: str, seal: int, units: Collection[int]) -> dict[str, Any]:
    """Which units, and the time in which they lie: what other parts and granules hold is not read."""
    return {
        "zone": zone,
        "seal": seal,
        "units": sorted(units),
        "start": min(units),
        "end": max(end_of(family.unit, at, zone) for at in units),
    }
