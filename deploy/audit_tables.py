"""The audit as a person reads it: partitions, hours, and by name what is missing or doubled."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from warehouse.audit.findings import Audit, Double, Gap, HourAudit, PartitionAudit, SourceAudit, State
from warehouse.audit.report import as_text, latest
from warehouse.rollups.compare import Comparison

SHOWN = 10
"""Gaps and doubles of a partition or a source that are printed; `weir audit --json` names more."""


def show(found: Audit, console: Console, hours: int = 0) -> None:
    """The audit as a person reads it."""
    table = Table("partition", "log", "rows", "missing", "doubled", "behind", "counted as", box=None)
    for partition in found.partitions:
        table.add_row(*_cells(partition))
    console.print(table)
    if hours:
        console.print(_hours(list(latest(found.hours, hours))))
    for line in _named(found):
        console.print(line, markup=False, highlight=False)
    console.print(
        f"{len(found.sources)} redirector starts reported ({len(found.sources) - len(found.unproven)} closed):"
        f" {found.lost:,} of their events without a row, {found.recounted:,} counted again."
    )
    verdict = "adds up" if found.adds_up else "DOES NOT ADD UP"
    since = f" Read in full since {found.since:%Y-%m-%d %H:%M} UTC." if found.since else ""
    console.print(f"The ledger {verdict}; {found.behind:,} records are not counted yet.{since}")


def show_rollups(compared: Comparison, console: Console) -> None:
    """What differs between rollups and records, by name, and what to do about it."""
    for one in compared.differences[:SHOWN]:
        console.print(
            f"rollup {one.family}, {as_text(one.unit)}: {_outcomes(one.rolled)}; its records: {_outcomes(one.raw)}",
            markup=False,
            highlight=False,
        )
    if compared.agrees:
        if compared.units:
            console.print(f"{compared.units:,} units of rollups are what their records say.")
        return
    console.print(
        f"{len(compared.differences)} of {compared.units:,} units of rollups DIFFER. Records that are missing are"
        " counted by the rollup alone until the worker has read them again; else run `weir audit --mend-rollups`."
    )


def rollups_as_dict(compared: Comparison) -> dict[str, Any]:
    """The same as JSON has it."""
    differ = [dataclasses.asdict(one) | {"unit": as_text(one.unit)} for one in compared.differences]
    return {"units": compared.units, "differ": differ}


def _cells(partition: PartitionAudit) -> list[str]:
    numbers = (partition.rows, partition.missing, partition.doubled, partition.behind)
    return [
        str(partition.partition),
        f"{partition.log_first}–{partition.log_end}",
        *(f"{number:,}" for number in numbers),
        _outcomes(partition.outcomes),
    ]


def _outcomes(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) or "–"


def _hours(hours: Sequence[HourAudit]) -> Table:
    """All partitions' hours together."""
    table = Table("hour", "rows", "missing", "doubled", "counted as", box=None)
    for at in sorted({hour.hour for hour in hours}):
        parts = [hour for hour in hours if hour.hour == at]
        sums = [sum(getattr(part, name) for part in parts) for name in ("rows", "missing", "doubled")]
        outcomes = sum((Counter(part.outcomes) for part in parts), Counter[str]())
        table.add_row(as_text(at), *(f"{number:,}" for number in sums), _outcomes(outcomes))
    return table


def _named(found: Audit) -> Iterator[str]:
    """What is missing or doubled, a line each."""
    for partition in found.partitions:
        yield from _lines(f"partition {partition.partition}: offset", partition.gaps, partition.doubles)
        if partition.beyond:
            yield f"partition {partition.partition}: {partition.beyond:,} rows have offsets beyond the log's end."
        counted = sum(partition.outcomes.values())
        if counted != partition.rows:
            yield f"partition {partition.partition}: {partition.rows:,} rows count as {counted:,} outcomes."
        if partition.dropped:
            yield f"partition {partition.partition}: {partition.dropped:,} rows were dropped by retention."
    for source in found.sources:
        yield from _lines(f"source {source.src:010x}: number", source.gaps, source.doubles)
    yield from map(_unproven, found.silent[:SHOWN])
    if (more := len(found.silent) - SHOWN) > 0:
        yield f"{more} more sources are not proven (`weir audit --json`)"


def _unproven(source: SourceAudit) -> str:
    """What is not known of a redirector process that is gone, and what to do."""
    name = f"source {source.src:010x}"
    if source.state is State.TORN:
        return (
            f"{name}: not proven beyond number {source.last}: its spool had lost its end when it was taken over (a"
            " power loss, a damaged disk), and with it what was accepted after that number."
        )
    heard = f"since {as_text(source.heard)}" if source.heard else "for long"
    return (
        f"{name}: open, not heard of {heard}: not proven beyond number {source.mark}. If that redirector is gone, start"
        " one on the folder of its spool (WEIR_SPOOL): it sends what was left there and says which number was the last."
        " After a power loss it can't: what was not on the disk is lost, and not known."
    )


def _lines(whose: str, gaps: Sequence[Gap], doubles: Sequence[Double]) -> Iterator[str]:
    named: list[Gap | Double] = [*gaps, *doubles]
    for one in named[:SHOWN]:
        numbers = f" {one.first}" if one.first == one.last else f"s {one.first} to {one.last}"
        rows = f"{one.rows} rows each" if isinstance(one, Double) else "no row"
        yield f"{whose}{numbers}: {rows}, hour {as_text(one.hour) or 'unknown'}"
    if (more := len(named) - SHOWN) > 0:
        yield f"{whose}s: {more} more ranges (`weir audit --json`)"
