"""Step 2 of a query: which rows are read for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api.query.dates import Range
from api.query.parse import Question

Span = tuple[int, int]
"""From a moment up to but without another, Unix milliseconds."""


@dataclass(frozen=True)
class Rolled:
    """What one rollup answers: its rows under some seals, and the records of those times that came after its clock."""

    table: str
    spans: Sequence[Span]
    """Whole grains of the rollup, so whole seconds."""
    seals: Sequence[int]
    clock: Mapping[UUID, Sequence[int]]
    """Of each topic, by partition: the first offset that is not in the rollup."""
    batch_time: int
    """No record past the clock has a lower one; Unix seconds."""


@dataclass(frozen=True)
class Plan:
    """The parts of an answer: together all times of its range, no time twice."""

    raw: Sequence[Span]
    """What is read from the records, whether before or after a clock."""
    rolled: Sequence[Rolled] = ()
    switch: int = 0
    """The version of `editions` in which the rollups' seals are live."""


def span_of(found: Range) -> Span:
    """A range as Unix milliseconds, cut down."""
    return _millis(found.start), _millis(found.end)


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000 + 0.0005)


def plan(question: Question) -> Plan:
    """Where the rows are from."""
    return Plan((span_of(question.span),))
