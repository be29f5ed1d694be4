"""What own reasons make of a judgement: the same precedence of classes, the highest score, all reasons kept.

Who is on the users' list of the allowed stays so, whatever own reasons say.
"""

from typing import Any

from streams.judge.reasons import STRENGTH, Reason
from warehouse.columns import Column, Columns, coded, spread, together
from warehouse.events import Outcome, Verdict

CHANGED = ("outcome", "verdict", "score", "reasons")


def with_own_reasons(found: Columns, own: Column) -> Columns:
    """The judge's columns with the own reasons (tuples of `OwnReason`) against each record that it judged."""
    rows = together(*(coded(found[name]) for name in CHANGED), coded(own))
    return {**found, **spread(CHANGED, rows.map(_changed))}


def _changed(row: tuple[Any, ...]) -> tuple[str, str, int, tuple[str, ...]]:
    outcome, verdict, score, reasons, own = row
    if not own or verdict == Verdict.NONE:
        return outcome, verdict, score, reasons
    reasons = (*reasons, *(reason.stored for reason in own))
    if Reason.ALLOWED in reasons:
        return outcome, verdict, score, reasons
    classes = {verdict, *(reason.verdict for reason in own)}
    strongest = next(name.value for name in STRENGTH if name in classes)
    return (
        outcome if outcome == Outcome.DUPLICATE else strongest,
        strongest,
        max(score, *(reason.score for reason in own)),
        reasons,
    )
