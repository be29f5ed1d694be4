"""What clicks are judged to be, with what their windows say: the last step of the chain."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from streams.judge.judge import Judge
from streams.judge.outcomes import counted, repeated
from streams.own.verdict import with_own_reasons
from streams.windows.hold import Stretch
from streams.windows.keys import compared
from streams.windows.windows import Windows
from warehouse.columns import Column, Columns, coded


def looked_at(
    columns: Mapping[str, Column],
    stretch: Stretch,
    windows: Windows,
    *,
    dead: Collection[int],
    duplicates: Sequence[int],
) -> dict[str, Column]:
    """Decoded columns, and `asn`, after the windows have looked at them, with four more, which `judged` will ask for.

    `dead` and `duplicates` are the places of what can't be decoded, and of clicks that came before.
    """
    clicks = compared(columns, windows.watched, [*dead, *duplicates])
    windows.look(stretch, clicks)
    flags = np.zeros((2, len(stretch.offsets)), np.bool_)
    flags[0, list(dead)] = flags[1, duplicates] = True
    return {**columns, "clock": stretch.clocks, "pair": clicks.pairs, "dead": flags[0], "duplicate": flags[1]}


def judged(rows: Columns, judge: Judge, windows: Windows) -> Columns:
    """The judge's columns of rows that were looked at, and are closed. They need `kafka_offset` too."""
    offsets, clocks, ts, pairs, dead, duplicate = (
        np.asarray(rows[name]) for name in ("kafka_offset", "clock", "ts", "pair", "dead", "duplicate")
    )
    marks = windows.reasons(offsets)
    found = judge(rows, dead=np.flatnonzero(dead), duplicates=np.flatnonzero(duplicate), marks=marks)
    if "own_reasons" in rows:
        found = with_own_reasons(found, rows["own_reasons"])
    outcomes = coded(found["outcome"])
    repeats = windows.repeats(offsets, clocks, ts, np.where(counted(outcomes), pairs, 0))
    return {**found, "outcome": repeated(outcomes, repeats)}
