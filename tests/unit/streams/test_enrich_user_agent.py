import builtins
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.enrich import user_agent
from streams.enrich.user_agent import Client, Hints, UserAgents, client
from tests.unit.streams.clicks import click, columns

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.6 Mobile/15E148 Safari/604.1"
)
REDUCED = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"
)
GALAXY = REDUCED.replace("Android 10; K", "Android 14; SM-S918B")


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (WINDOWS, Client("desktop", "", "Chrome", "130.0", "Windows", "10")),
        (IPHONE, Client("mobile", "Apple", "Mobile Safari", "17.6", "iOS", "17.6")),
        (GALAXY, Client("mobile", "Samsung", "Chrome Mobile", "130.0", "Android", "14")),
        (REDUCED, Client("mobile", "", "Chrome Mobile", "130.0", "Android", "10")),
        ("curl/8.5.0", Client("other", "", "curl", "8.5", "", "")),
        ("", Client("other", "", "", "", "", "")),
        ("\ufffd\x00", Client("other", "", "", "", "", "")),
    ],
)
def test_client(agent: str, expected: Client) -> None:
    assert client(agent) == expected


@pytest.mark.parametrize(
    ("agent", "hint", "expected"),
    [
        (WINDOWS, '"15.0.0"', "11"),
        (WINDOWS, '"13.0.0"', "11"),
        (WINDOWS, '"10.0.0"', "10"),
        (WINDOWS, '"0.3.0"', "10"),  # older than 10: the user agent knows better
        (REDUCED, '"14.0.0"', "14"),
        (REDUCED, '"8.1.0"', "8.1"),
        (REDUCED, '""', "10"),
        (REDUCED, "nonsense", "10"),
        (REDUCED, '"٣"', "10"),
    ],
)
def test_the_platform_version_thaws_a_frozen_system(agent: str, hint: str, expected: str) -> None:
    assert client(agent, Hints(platform_version=hint)).os_version == expected


def test_hints_of_the_raw_click() -> None:
    hints = {"mobile": "?0", "platform": '"Android"', "platform-version": '"14.0.0"', "brands": '"Chromium";v="130"'}
    made = UserAgents()(columns(click(user_agent=REDUCED, hints=hints), click(user_agent=REDUCED)))
    assert made["device"] == ["tablet", "mobile"]
    assert made["os_version"] == ["14", "10"]
    assert tuple(made) == UserAgents.columns


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_any_user_agent_is_read(agent: str, platform_version: str, form_factors: str) -> None:
    assert client(agent, Hints(platform_version=platform_version, form_factors=form_factors)).device


def test_the_slow_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_engine(name: str, *rest: Any) -> Any:
        if name == "ua_parser_rs":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "ua_parser.regex")
    monkeypatch.setattr(builtins, "__import__", without_engine)
    user_agent.parser.cache_clear()
    with pytest.raises(RuntimeError, match="ua-parser's Rust engine is missing"):
        UserAgents()
