import pytest

from streams.extension import OwnReason, Verdict
from streams.own.verdict import with_own_reasons
from warehouse.columns import Coded, Columns

SUSPECT, PREFETCH, BOT = (
    OwnReason(verdict.value, verdict, score)
    for verdict, score in ((Verdict.SUSPECT, 40), (Verdict.PREFETCH, 50), (Verdict.BOT, 60))
)
HUMAN = ("human", "human", 0, ())


def judged(row: tuple[object, ...], *own: OwnReason) -> tuple[object, ...]:
    found: Columns = {
        name: Coded.of([value]) for name, value in zip(("outcome", "verdict", "score", "reasons"), row, strict=True)
    }
    made = with_own_reasons({**found, "kind": ["click"]}, [own])
    assert made["kind"] == ["click"]
    return tuple(made[name][0] for name in found)


@pytest.mark.parametrize(
    ("row", "own", "expected"),
    [
        (HUMAN, (), HUMAN),
        (HUMAN, (SUSPECT,), ("suspect", "suspect", 40, ("own:suspect",))),
        (HUMAN, (SUSPECT, BOT), ("bot", "bot", 60, ("own:suspect", "own:bot"))),
        (("bot", "bot", 95, ("trap",)), (SUSPECT,), ("bot", "bot", 95, ("trap", "own:suspect"))),
        (("prefetch", "prefetch", 90, ("prefetch",)), (BOT,), ("bot", "bot", 90, ("prefetch", "own:bot"))),
        (("suspect", "suspect", 30, ("x",)), (PREFETCH,), ("prefetch", "prefetch", 50, ("x", "own:prefetch"))),
        (("duplicate", "human", 0, ()), (BOT,), ("duplicate", "bot", 60, ("own:bot",))),
        (("human", "human", 0, ("allowed",)), (BOT,), ("human", "human", 0, ("allowed", "own:bot"))),
        (("orphan", "none", 0, ()), (BOT,), ("orphan", "none", 0, ())),
        (("dead", "none", 0, ()), (BOT,), ("dead", "none", 0, ())),
    ],
)
def test_the_strongest_class_is_the_verdict_whoever_found_it(
    row: tuple[object, ...], own: tuple[OwnReason, ...], expected: tuple[object, ...]
) -> None:
    assert judged(row, *own) == expected
