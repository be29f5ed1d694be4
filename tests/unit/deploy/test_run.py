"""`weir run`: every service it names is there, and a log is one line an event in the form that was asked for."""

import importlib
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from structlog.typing import EventDict

from deploy.commands.run import SERVICES
from deploy.logs import LogSettings, Throttle, configure


@pytest.fixture(autouse=True)
def _untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_main(service: str) -> None:
    assert callable(importlib.import_module(SERVICES[service]).main)


def test_logs_for_machines_are_json_whoever_writes_them(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings(log_format="json"))
    structlog.get_logger().info("ready", port=1)
    logging.getLogger("library").warning("slow")
    ready, slow = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ready["event"], ready["port"], ready["level"]) == ("ready", 1, "info")
    assert (slow["event"], slow["level"]) == ("slow", "warning")
    assert ready["time"].endswith("Z")


def test_logs_for_people_have_no_colour_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings())
    structlog.get_logger().info("ready", port=1)
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "ready" in said
    assert "port=1" in said


@pytest.mark.parametrize(("level", "lines"), [("info", 1), ("debug", 2), ("error", 0)])
def test_libraries_are_quiet_unless_they_are_asked(level: str, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings.model_validate({"log_level": level}))
    logging.getLogger("library").warning("slow")
    logging.getLogger("library").info("chatter")
    assert len(capsys.readouterr().err.splitlines()) == lines


def test_what_keeps_on_going_wrong_is_said_once_in_half_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings(log_format="json"))
    log = structlog.get_logger()
    for number in range(3):
        log.warning("Kafka", cause="_TRANSPORT", error=f"refused after {number} ms")
        log.warning("Kafka", cause="_RESOLVE")
        log.warning("Other", error="x")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("cause") for line in lines] == ["_TRANSPORT", "_RESOLVE", None, None, None]


def test_when_it_is_said_again_it_is_said_how_often_it_was_not() -> None:
    now = 0.0
    throttle = Throttle(seconds=30, clock=lambda: now)

    def said() -> EventDict | None:
        try:
            return dict(throttle(None, "warning", {"event": "Kafka", "cause": "c"}))
        except structlog.DropEvent:
            return None

    assert said() == {"event": "Kafka", "cause": "c"}
    now = 29.9
    assert [said(), said()] == [None, None]
    now = 30.0
    assert said() == {"event": "Kafka", "cause": "c", "held_back": 2}
    now = 60.0
    assert said() == {"event": "Kafka", "cause": "c"}
