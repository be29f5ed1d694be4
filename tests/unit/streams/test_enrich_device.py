"""Classes of devices, on agents that were checked by hand (`device_agents.toml`) and on weighted real ones."""

import json
import tomllib
from collections import Counter
from pathlib import Path

import fake_useragent
import pytest

from streams.enrich.device import Device, device_class

AGENTS: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("device_agents.toml").read_text())


@pytest.mark.parametrize(("expected", "agent"), [(name, agent) for name in AGENTS for agent in AGENTS[name]])
def test_by_user_agent(expected: str, agent: str) -> None:
    assert device_class(agent) == expected


def test_every_class_has_enough_agents() -> None:
    assert sum(map(len, AGENTS.values())) >= 60
    assert all(len(AGENTS[device]) >= 6 for device in Device)


WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
LINUX = WINDOWS.replace("Windows NT 10.0; Win64; x64", "X11; Linux x86_64")
SLATE = WINDOWS.replace("Windows NT 10.0; Win64; x64", "Linux; Android 10; K")
TELEVISION = WINDOWS.replace("Windows NT 10.0; Win64; x64", "Linux; Android 9; BRAVIA 4K UR2")
PHONE = SLATE.replace("Safari", "Mobile Safari")


@pytest.mark.parametrize(
    ("agent", "mobile", "platform", "form_factors", "expected"),
    [
        (PHONE, "?1", '"Android"', "", Device.MOBILE),
        (SLATE, "?0", '"Android"', "", Device.TABLET),
        (LINUX, "?0", '"Android"', "", Device.TABLET),  # a tablet that asks for the desktop page
        (LINUX, "?1", '"Android"', "", Device.MOBILE),
        (WINDOWS, "?0", '"Windows"', "", Device.DESKTOP),
        (WINDOWS, "?1", "", "", Device.MOBILE),
        (LINUX, "?0", '"Linux"', "", Device.DESKTOP),
        (TELEVISION, "?0", '"Android"', "", Device.TV),  # the hint has no word for it
        (WINDOWS, "", "", '"Desktop"', Device.DESKTOP),
        (PHONE, "?1", '"Android"', '"Mobile"', Device.MOBILE),
        (PHONE, "?1", '"Android"', '"Mobile", "Tablet"', Device.TABLET),
        (PHONE, "?1", '"Android"', '"Automotive"', Device.CAR),
        (PHONE, "?1", '"Android"', '"Watch", "Mobile"', Device.WEARABLE),
        (PHONE, "?1", '"Android"', '"XR"', Device.WEARABLE),
        (SLATE, "?0", '"Android"', '"EInk"', Device.TABLET),
        (SLATE, "?0", '"Android"', "Tablet", Device.TABLET),
        (PHONE, "?1", "", '"Hologram"', Device.MOBILE),
        (PHONE, "maybe", "?", '"', Device.MOBILE),
        ("", "?1", "", "", Device.MOBILE),
        ("", "?0", '"Android"', "", Device.TABLET),
    ],
)
def test_client_hints_come_first(agent: str, mobile: str, platform: str, form_factors: str, expected: Device) -> None:
    assert device_class(agent, mobile=mobile, platform=platform, form_factors=form_factors) is expected


def test_weighted_real_traffic() -> None:
    """The package's list has phones, tablets and desktops with their share of the traffic; 99.5% must be right."""
    listed = Path(fake_useragent.__file__).with_name("data") / "browsers.jsonl"
    share: Counter[bool] = Counter()
    for line in listed.read_text().splitlines():
        agent = json.loads(line)
        share[device_class(agent["useragent"]).value == agent["type"]] += agent["percent"]
    assert share[True] / share.total() >= 0.995
