"""Agents of one's own have a group of their own, and what can't be had is said before anything is started."""

from pathlib import Path

import pytest
from faust.exceptions import ValueDecodeError
from faust.types import Message

from ingest.events import Kind, RawClick, encode
from ingest.events import decode as decode_raw
from streams.agents import Decoded, agents_app, default_group
from streams.endings import exit_code
from streams.own.find import WrongAgents
from streams.settings import AgentSettings


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("docs/examples/alerts.py", "weir-agents-alerts"),
        ("alerts.py:watch", "weir-agents-alerts-watch"),
        ("company.alerts", "weir-agents-company.alerts"),
        ("company.alerts:watch", "weir-agents-company.alerts-watch"),
    ],
)
def test_the_group_is_named_after_what_runs(name: str, group: str) -> None:
    assert default_group(name) == group


@pytest.mark.parametrize(
    ("name", "group", "reason"),
    [
        ("alerts.py", "weir", "WEIR_AGENTS_GROUP: weir is the workers' group"),
        ("none.py", "", "none.py: there is no file none.py"),
        ("no_such.module", "", "no_such.module: there is no module 'no_such'"),
        ("empty.py", "", "empty.py: empty.py has no 'agents'"),
        ("broken.py", "", "broken.py: loading it raised ZeroDivisionError: division by zero (broken.py, line 1)"),
    ],
)
def test_what_can_not_be_had_is_said(
    name: str, group: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.py").touch()
    (tmp_path / "broken.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongAgents) as refused:
        agents_app(name, AgentSettings(agents_group=group))
    assert str(refused.value).startswith(reason)
    assert exit_code(refused.value) == 78


def message(value: bytes | None) -> Message:
    return Message("t", 0, 0, 0.0, 0, [], b"key", value, None)


def test_values_are_structs_and_keys_are_bytes() -> None:
    schema, click = Decoded(decode_raw), RawClick(kind=Kind.CLICK, src=1, seq=2, ts=3)
    assert schema.loads_value(None, message(encode(click))) == click
    assert schema.loads_key(None, message(b"")) == b"key"


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b'{"kind": "visit"}'])
def test_what_is_no_struct_is_a_decode_error_which_the_topic_passes_over(value: bytes | None) -> None:
    with pytest.raises(ValueDecodeError):
        Decoded(decode_raw).loads_value(None, message(value))
