"""The live feed as a terminal shows it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.follow import follow, line_of

CLICK: dict[str, Any] = {
    "time": "2026-11-22T10:15:03.120+00:00",
    "channel": "Email",
    "country": "CH",
    "device": "mobile",
    "referrer_source": "",
    "placement": "unknown",
    "title": "",
    "slug": "sale",
    "link_id": "00000000000000ff",
}
EVENTS: list[tuple[str, Any]] = [
    ("figures", {"clicks": 0, "visitors": 0}),
    ("trouble", {"code": "away", "message": "ClickHouse does not answer."}),
    ("clicks", [CLICK, {**CLICK, "title": "Big \x1b[2J[red]sale"}]),
    ("figures", {"clicks": 2, "visitors": 1}),
]


def test_a_click_is_a_line() -> None:
    assert str(line_of(CLICK)) == "10:15:03  Email · CH · mobile  → sale"
    assert str(line_of({**CLICK, "slug": ""})) == "10:15:03  Email · CH · mobile  → 00000000000000ff"


def test_clicks_are_printed_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    follow(EVENTS, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("→ ")[2] for line in lines] == ["sale", "Big �[2J[red]sale"]


def test_events_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    follow(EVENTS, as_json=True)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["event"], event["data"]) for event in found] == EVENTS


class Interrupted:
    """Events that the user has had enough of."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        raise KeyboardInterrupt


def test_a_user_who_stops_is_no_error() -> None:
    follow(Interrupted(), as_json=True)
