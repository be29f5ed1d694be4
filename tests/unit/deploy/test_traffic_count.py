"""Sent against counted."""

from typing import Any

import pytest

from deploy.traffic.count import Comparison, Row, compare
from deploy.traffic.manifest import Record
from deploy.traffic.request import Kind
from ingest.links import link_id

SPRING = int(link_id("localhost", "spring"), 16)


def record(number: int, kind: Kind = Kind.HUMAN, **fields: Any) -> Record:
    given: dict[str, Any] = {"row": True, "status": 302, "click_id": f"id-{number}", "link": "spring"}
    return Record(kind=kind, sent_at=0, target="/spring", **(given | fields))


def row(number: int, outcome: str = "human", **fields: Any) -> Row:
    given: dict[str, Any] = {"channel": "", "country": "", "city": "", "device": ""}
    given |= {"link": SPRING, "position": 0, "position_of": 0, "slot": ""}
    return Row(id=f"id-{number}", outcome=outcome, **(given | fields))


def test_all_is_well() -> None:
    sent = [record(1), record(2, Kind.BOT), record(0, Kind.HEAD, row=False, click_id="")]
    found = compare(sent, [row(1), row(2, "bot"), row(99)], "localhost")
    assert found.adds_up
    assert found.sent == {Kind.HUMAN: 1, Kind.BOT: 1}
    assert found.outcomes == {(Kind.HUMAN, "human"): 1, (Kind.BOT, "bot"): 1}


@pytest.mark.parametrize(
    ("sent", "rows", "wrong"),
    [
        pytest.param(record(1), [], "missing", id="no row"),
        pytest.param(record(1, click_id=""), [row(1)], "missing", id="accepted by nobody"),
        pytest.param(record(1), [row(1, "duplicate")], "missing", id="only a duplicate of itself"),
        pytest.param(record(1), [row(1), row(1)], "doubled", id="two rows"),
        pytest.param(record(1, Kind.REFUSED, row=False), [row(1)], "unasked", id="a row too many"),
    ],
)
def test_what_does_not_add_up_is_named(sent: Record, rows: list[Row], wrong: str) -> None:
    found = compare([record(7), sent], [row(7), *rows], "localhost")
    assert not found.adds_up
    lists = {name: getattr(found, name) for name in ("missing", "doubled", "unasked")}
    assert lists == {"missing": [], "doubled": [], "unasked": []} | {wrong: [sent]}


def test_a_click_that_was_sent_again_counts_once() -> None:
    assert compare([record(1)], [row(1), row(1, "duplicate")], "localhost").adds_up


@pytest.mark.parametrize("rows", [[], [row(1)]])
def test_a_request_without_an_answer_may_be_a_row_or_none(rows: list[Row]) -> None:
    found = compare([record(1, status=0, click_id="")], rows, "localhost")
    assert found.adds_up
    assert found.unanswered == 1


def agreement(found: Comparison) -> dict[str, tuple[int, int]]:
    return {name: (of.agreed, of.compared) for name, of in found.fields.items()}


def test_fields_are_compared_where_something_is_expected() -> None:
    sent = [record(1, channel="Email", position=3), record(2, channel="Email"), record(3, link="")]
    rows = [row(1, channel="Email", position=3), row(2, channel="Direct", link=5), row(3)]
    found = compare(sent, rows, "localhost")
    assert agreement(found) == {"channel": (1, 2), "position": (1, 1), "link": (1, 2), "outcome": (3, 3)}
    assert found.fields["channel"].differences == {("Email", "Direct"): 1}


def test_what_a_request_counts_as_is_held_against_what_was_meant() -> None:
    meant = [(Kind.SCANNER, "bot"), (Kind.SCANNER, "human"), (Kind.REPEAT, "repeat"), (Kind.DIRTY, "human")]
    sent = [record(number, kind) for number, (kind, _) in enumerate(meant)]
    rows = [row(number, outcome) for number, (_, outcome) in enumerate(meant)]
    found = compare(sent, rows, "localhost")
    assert agreement(found)["outcome"] == (2, 3)
    assert found.fields["outcome"].differences == {("bot", "human"): 1}
