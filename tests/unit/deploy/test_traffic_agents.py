"""User agents and their client hints."""

import random

import pytest

from deploy.traffic.agents import client_hints, crawlers, desktops, people
from deploy.traffic.mix import Weighted

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/135.0.0.0 Safari/537.36"
)
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/135.0.0.0 Safari/537.36"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3_2 like Mac OS X) AppleWebKit/605.1.15 Version/18.3 Safari/604.1"


@pytest.mark.parametrize(
    ("agent", "device", "system", "expected"),
    [
        (CHROME, "desktop", "Windows", ("Google Chrome", "?0", '"Windows"')),
        (CHROME + " Edg/134.0.0.0", "desktop", "Windows", ("Microsoft Edge", "?0", '"Windows"')),
        (ANDROID, "mobile", "Android", ("Google Chrome", "?1", '"Android"')),
        (ANDROID, "tablet", "Android", ("Google Chrome", "?0", '"Android"')),
    ],
)
def test_chromium_tells_of_itself(agent: str, device: str, system: str, expected: tuple[str, str, str]) -> None:
    hints = dict(client_hints(agent, device, system))
    brand, mobile, platform = expected
    assert f'"{brand}";v="' in hints["Sec-CH-UA"]
    assert '"Chromium";v="135"' in hints["Sec-CH-UA"]
    assert (hints["Sec-CH-UA-Mobile"], hints["Sec-CH-UA-Platform"]) == (mobile, platform)


@pytest.mark.parametrize("agent", [SAFARI, CHROME.replace("135", "80"), "", "curl/8"])
def test_others_do_not(agent: str) -> None:
    assert client_hints(agent, "mobile", "iOS") == ()


def test_what_there_is_to_draw_from() -> None:
    agents = people().items
    assert len(agents) > 500
    assert {agent.device for agent in agents} == {"mobile", "desktop", "tablet"}
    assert all("Windows NT 10.0" in agent.user_agent for agent in desktops().items)
    assert len(crawlers()) > 500
    assert all(agent.isprintable() for agent in crawlers())


def test_draws_follow_the_weights() -> None:
    rng = random.Random(3)
    drawn = [Weighted("abc", [1, 0, 3]).draw(rng) for _ in range(4000)]
    assert 900 < drawn.count("a") < 1100
    assert "b" not in drawn
