"""Classes of devices, on agents that were checked by hand (`device_agents.toml`) and on weighted real ones."""

import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import fake_useragent
import pytest

from streams.enrich.device import Device, device_class

AGENTS: dict[str, list[list[Any]]] = tomllib.loads(Path(__file__).with_name("device_agents.toml").read_text())
CASES = [(name, agent, hints[0] if hints else {}) for name in AGENTS for agent, _, *hints in AGENTS[name]]


@pytest.mark.parametrize(("expected", "agent", "hints"), CASES)
def test_device_class(expected: str, agent: str, hints: dict[str, str]) -> None:
    said = {name.replace("-", "_"): value for name, value in hints.items()}
    assert device_class(agent, **said) == expected


def test_every_class_has_enough_agents_and_each_says_why() -> None:
    assert len({(agent, *sorted(hints.items())) for _, agent, hints in CASES}) == len(CASES) >= 150
    assert all(len(AGENTS[device]) >= 10 for device in Device)
    assert all(why for name in AGENTS for _, why, *_ in AGENTS[name])
    assert sum(1 for _, _, hints in CASES if hints) >= 15


def test_weighted_real_traffic() -> None:
    """The package's list has phones, tablets and desktops with their share of the traffic; 99.5% must be right."""
    listed = Path(fake_useragent.__file__).with_name("data") / "browsers.jsonl"
    share: Counter[bool] = Counter()
    for line in listed.read_text().splitlines():
        agent = json.loads(line)
        share[device_class(agent["useragent"]).value == agent["type"]] += agent["percent"]
    assert share[True] / share.total() >= 0.995
