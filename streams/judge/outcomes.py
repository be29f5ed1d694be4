"""Outcomes: the one thing that a record counts as."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.events import Kind
from streams.judge.reasons import WEIGHTS, Reason, score, verdict
from warehouse.columns import Coded
from warehouse.events import COUNTED, Outcome, Verdict

UNJUDGED = {
    Kind.HEARTBEAT: Outcome.SOURCE,
    Kind.CLOSE: Outcome.SOURCE,
    Kind.ORPHAN: Outcome.ORPHAN,
    Kind.EXPIRED: Outcome.EXPIRED,
    Kind.DISABLED: Outcome.DISABLED,
}
"""Kinds that are no click: nothing is judged, the outcome follows from the kind."""


class Judgement(NamedTuple):
    """What one record is."""

    kind: str
    outcome: str
    verdict: str
    score: int
    reasons: tuple[str, ...]


DEAD = Judgement("unknown", Outcome.DEAD.value, Verdict.NONE.value, 0, ())
"""A record that can't be decoded."""


def judgement(kind: Kind, reasons: Collection[Reason], *, duplicate: bool = False) -> Judgement:
    """The one outcome of a record, the first that holds (SEMANTICS, Outcomes), with verdict, score and reasons.

    Which of the counted ones are repeats is found afterwards (`repeated`), since only a counted click opens a window.
    A duplicate keeps the verdict that it would have had. A request for a link that is not there can be one too: a log
    that is imported twice must not add orphans.
    """
    if kind in UNJUDGED:
        outcome = UNJUDGED[kind]
        outcome = Outcome.DUPLICATE if duplicate and outcome is not Outcome.SOURCE else outcome
        return Judgement(kind.value, outcome.value, Verdict.NONE.value, 0, ())
    found = verdict(reasons)
    outcome = Outcome.DUPLICATE if duplicate else Outcome(found.value)
    fired = tuple(reason.value for reason in WEIGHTS if reason in reasons)
    return Judgement(kind.value, outcome.value, found.value, score(reasons), fired)


def counted(outcomes: Coded[str]) -> NDArray[np.bool_]:
    """Which records count as clicks."""
    return np.array([outcome in COUNTED for outcome in outcomes.values], np.bool_)[outcomes.codes]


def repeated(outcomes: Coded[str], places: NDArray[np.intp]) -> Coded[str]:
    """The outcomes with these counted clicks made repeats, which come right before the counted ones in their order."""
    return outcomes.at(places, Outcome.REPEAT.value) if len(places) else outcomes
