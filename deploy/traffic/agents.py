"""Who sends the requests: real user agents with the weights they have among people, and real crawlers.

People's come from the package `fake-useragent` (Apache-2.0), whose data are browsers seen by a large web analytics
service with their percentages; read from its file, without asking anything of the network. Crawlers' come from
`crawler-user-agents` (MIT).
"""

import json
import re
from collections import Counter
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import crawleruseragents

from deploy.traffic.mix import Weighted

CRAWLER_TAGS = frozenset({"search-engine", "social-preview", "seo", "ai-crawler", "monitoring", "feed-reader"})
"""The kinds of crawlers that follow links from pages and posts."""

_PLATFORMS = {
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Android": "Android",
    "Linux": "Linux",
    "Chrome OS": "Chrome OS",
}
_CHROME_VERSION = re.compile(r" Chrome/(\d+)\.")
_MARKED = re.compile(r" (Edg|EdgA|OPR|SamsungBrowser)/(\d+)")
_BRANDS = {"Edg": "Microsoft Edge", "EdgA": "Microsoft Edge", "OPR": "Opera", "SamsungBrowser": "Samsung Internet"}
FIRST_WITH_HINTS = 89
"""Chromium sends `Sec-CH-UA` and `Sec-CH-UA-Mobile` without being asked since 89, `-Platform` since 95."""


class Agent(NamedTuple):
    """A browser of a person's."""

    user_agent: str
    device: str
    """`mobile`, `desktop` or `tablet`, as the package has it."""
    hints: tuple[tuple[str, str], ...]
    """Client hint headers that it sends unasked."""


class NoAgents(RuntimeError):
    """The package with the user agents is not installed."""


@cache
def people() -> Weighted[Agent]:
    """Browsers with their weights; the same user agent on two kinds of devices is two browsers."""
    weights: Counter[Agent] = Counter()
    for entry in _browsers():
        agent = Agent(entry["useragent"], entry["type"], client_hints(entry["useragent"], entry["type"], entry["os"]))
        weights[agent] += entry["percent"]
    return Weighted(tuple(weights), tuple(weights.values()))


@cache
def desktops() -> Weighted[Agent]:
    """Browsers on Windows, as mail scanners pretend to be."""
    agents = [agent for agent in people().items if "Windows NT 10.0" in agent.user_agent]
    return Weighted(agents, [1.0] * len(agents))


@cache
def crawlers() -> tuple[str, ...]:
    """User agents of crawlers."""
    return tuple(
        sorted(
            instance
            for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA
            if CRAWLER_TAGS & set(crawler.get("tags", ()))
            for instance in crawler["instances"]
            if instance.isascii() and instance.isprintable()
        )
    )


def client_hints(user_agent: str, device: str, system: str) -> tuple[tuple[str, str], ...]:
    """What a Chromium browser sends of itself unasked (UA Client Hints, low entropy); nothing for other browsers."""
    chrome = _CHROME_VERSION.search(user_agent)
    if chrome is None or int(chrome[1]) < FIRST_WITH_HINTS or system not in _PLATFORMS:
        return ()
    marked = _MARKED.search(user_agent)
    brand, version = (_BRANDS[marked[1]], marked[2]) if marked else ("Google Chrome", chrome[1])
    return (
        ("Sec-CH-UA", f'"{brand}";v="{version}", "Not-A.Brand";v="8", "Chromium";v="{chrome[1]}"'),
        ("Sec-CH-UA-Mobile", "?1" if device == "mobile" else "?0"),
        ("Sec-CH-UA-Platform", f'"{_PLATFORMS[system]}"'),
    )


def _browsers() -> list[dict[str, Any]]:
    try:
        data = resources.files("fake_useragent").joinpath("data", "browsers.jsonl").read_text(encoding="utf-8")
    except ModuleNotFoundError:
        raise NoAgents(
            "User agents to send come from the package fake-useragent: pip install 'weir[local]', and try again."
        ) from None
    return [json.loads(line) for line in data.splitlines()]
