"""An own enricher adds what it says, and whatever else it does, every click goes on."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from ingest.events import Kind, RawClick
from streams import metrics
from streams.extension import Added, Click, Columns, OwnReason, Verdict, whole_batch
from streams.own.load import OwnEnricher
from streams.own.step import OwnStep
from tests.unit.streams.clicks import click, columns

FRAUD = OwnReason("fraud", Verdict.SUSPECT, 60)


def step(call: Callable[[Any], Any], name: str = "mine") -> OwnStep:
    return OwnStep(OwnEnricher(name, lambda: call))


def rows(*clicks: RawClick, dead: Sequence[int] = (), duplicate: Sequence[int] = ()) -> Columns:
    flags = np.zeros((2, len(clicks)), np.bool_)
    flags[0, list(dead)] = flags[1, list(duplicate)] = True
    return {**columns(*clicks), "dead": flags[0], "duplicate": flags[1]}


def skipped(name: str) -> float:
    return float(metrics.OWN_SKIPPED.labels(name)._value.get())


def company(one: Click) -> Added | None:
    return Added({"company": "Acme"}, (FRAUD,)) if one.domain == "acme.example" else None


@whole_batch
def companies(many: Columns) -> Sequence[Added | None]:
    return [Added({"company": "Acme"}, (FRAUD,)) if domain == "acme.example" else None for domain in many["domain"]]


@pytest.mark.parametrize("call", [company, companies])
def test_both_forms_say_the_same(call: Callable[[Any], Any]) -> None:
    made = step(call)(rows(click(), click(domain="acme.example"), click()))
    assert list(made["extra"]) == [(), (("company", "Acme"),), ()]
    assert list(made["own_reasons"]) == [(), (FRAUD,), ()]


@pytest.mark.parametrize("call", [company, companies])
def test_where_nothing_is_said_no_column_is_made(call: Callable[[Any], Any]) -> None:
    assert step(call)(rows(click())) == {}
    assert step(call)(rows()) == {}


def test_only_clicks_that_are_decoded_and_no_copies_are_given() -> None:
    seen: list[int] = []
    step(lambda one: seen.append(one.seq))(
        rows(
            click(seq=1), click(seq=2), click(seq=3), click(seq=4), click(seq=5, kind=Kind.ORPHAN),
            click(seq=6, kind=Kind.HEARTBEAT), dead=[1], duplicate=[3],
        )
    )  # fmt: skip
    assert seen == [1, 3]


def test_answers_come_to_the_clicks_that_they_are_about() -> None:
    made = step(lambda one: Added({"seq": str(one.seq)}))(
        rows(click(seq=1, kind=Kind.ORPHAN), click(seq=2), click(seq=3), click(seq=4), duplicate=[2])
    )
    assert list(made["extra"]) == [(), (("seq", "2"),), (), (("seq", "4"),)]


def test_later_ones_see_what_earlier_ones_added_and_add_to_it() -> None:
    other = OwnReason("other", Verdict.BOT, 70)
    made = rows(click(domain="acme.example"), click())
    made = {**made, **step(company)(made)}
    made = {**made, **step(lambda one: Added({"size": one.extra["company"]}, (FRAUD, other)))(made)}
    assert list(made["extra"]) == [(("company", "Acme"), ("size", "Acme")), ()]
    assert list(made["own_reasons"]) == [(FRAUD, other), ()]  # the second click had no company: a KeyError


def test_one_that_raises_is_left_out_for_that_click() -> None:
    def picky(one: Click) -> Added:
        return Added({"tenth": str(10 // one.position)})

    before = skipped("picky")
    made = step(picky, "picky")(rows(click(position=5), click(position=0), click(position=2)))
    assert list(made["extra"]) == [(("tenth", "2"),), (), (("tenth", "5"),)]
    assert skipped("picky") == before + 1


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("raises", lambda _: 1 // 0),
        ("short", lambda _: [None]),
        ("wrong", lambda _: [None, {"a": "b"}]),
        ("none", print),
    ],
)
def test_a_batch_that_goes_wrong_goes_on_without_it(name: str, answer: Callable[[Any], Any]) -> None:
    def batch(many: Columns) -> Any:
        return answer(many)

    before = skipped(name)
    assert step(whole_batch(batch), name)(rows(click(), click())) == {}
    assert skipped(name) == before + 2


@pytest.mark.parametrize("answer", [{"company": "Acme"}, True, "Acme", Added])
def test_an_answer_that_is_none_counts_as_raising(answer: Any) -> None:
    before = skipped("improper")
    assert step(lambda _: answer, "improper")(rows(click())) == {}
    assert skipped("improper") == before + 1


def test_one_that_would_end_the_process_does_not() -> None:
    before = skipped("exit")
    assert step(lambda _: sys.exit("enough"), "exit")(rows(click())) == {}
    assert step(whole_batch(lambda _: sys.exit("enough")), "exit")(rows(click())) == {}
    assert skipped("exit") == before + 2


def test_one_that_can_not_be_made_is_tried_again_with_the_next_batch() -> None:
    tries: list[int] = []

    def make() -> Callable[[Click], Added]:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("the database is being written")
        return lambda _: Added({"company": "Acme"})

    late = OwnStep(OwnEnricher("late", make))
    assert late(rows(click())) == {}
    assert list(late(rows(click()))["extra"]) == [(("company", "Acme"),)]
    late(rows(click()))
    assert len(tries) == 2


class Counting:
    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, _: Click) -> Added:
        self.seen += 1
        return Added({"seen": str(self.seen)})


def test_each_partition_has_an_object_of_its_own() -> None:
    enricher = OwnEnricher("count", Counting)
    first, second = OwnStep(enricher), OwnStep(enricher)
    assert list(first(rows(click(), click()))["extra"]) == [(("seen", "1"),), (("seen", "2"),)]
    assert list(first(rows(click()))["extra"]) == [(("seen", "3"),)]
    assert list(second(rows(click()))["extra"]) == [(("seen", "1"),)]
