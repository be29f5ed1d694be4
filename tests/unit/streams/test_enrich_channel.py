"""Every rule, its neighbours, and what outranks what; the definition is in SEMANTICS and in `channel.py`."""

import itertools
import tomllib
from operator import ne
from pathlib import Path

import pytest

from streams.enrich.channel import (
    RULES,
    Campaign,
    Channel,
    Channels,
    Rule,
    Signs,
    Traffic,
    campaign,
    channel,
    decide,
    traffic,
)
from streams.enrich.click_ids import Means
from streams.enrich.referrer import referrer
from streams.enrich.sources import Category
from tests.unit.streams.clicks import click, columns


def signs(case: str) -> Signs:
    """`source/medium/campaign referrer +click_id ch=… qr` as signs; parts may be left out."""
    fields: dict[str, object] = {}
    for part in case.split():
        if part.startswith("+"):
            fields["ad_click"] = part[1:]
        elif part.startswith("ch="):
            fields["asked"] = part[3:].replace("_", " ")
        elif part == "qr":
            fields["qr"] = True
        elif "://" in part:
            fields["referrer_source"] = referrer(part).referrer_source
            fields["referred"] = True
        else:
            source, medium, name = (part.replace("_", " ") + "//").split("/")[:3]
            fields |= {"utm_source": source, "utm_medium": medium, "campaign": campaign(name)}
    return Signs(**fields)  # type: ignore[arg-type]  # the fields are built by name above


BY_CHANNEL: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("channel_cases.toml").read_text())
CASES = [(case, expected) for expected, cases in BY_CHANNEL.items() for case in cases]


@pytest.mark.parametrize(("case", "expected"), CASES)
def test_channel(case: str, expected: str) -> None:
    assert channel(signs(case)) == expected


def test_there_are_enough_cases_of_every_channel() -> None:
    assert len({case for case, _ in CASES}) == len(CASES) >= 150
    assert tuple(BY_CHANNEL) == tuple(name.value for name in Channel)
    assert all(len(cases) >= 4 for cases in BY_CHANNEL.values())


def test_every_rule_decides_a_case() -> None:
    decided = {decide(traffic(signs(case))) for case, _ in CASES}
    assert decided == {name for name, _ in RULES}
    assert [name for name, _ in RULES] == [name for name in Channel if name is not Channel.QR]


PAIRS = list(itertools.pairwise(RULES))
DISJOINT = {
    (Channel.PAID_SEARCH, Channel.PAID_SOCIAL): 1,  # a site has one category
    (Channel.PAID_SOCIAL, Channel.PAID_VIDEO): 1,
    (Channel.PAID_OTHER, Channel.ORGANIC_SHOPPING): 2,  # what is paid and shopping is Paid Shopping
}
"""Neighbours of which the second never applies where the first decides; by how many signs their closest differ."""


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[f"{first[0]} or {second[0]}" for first, second in PAIRS])
def test_neighbours_are_told_apart(first: Rule, second: Rule) -> None:
    """By a case in which both apply and the first wins, and one that is the second's; or by close cases of both."""
    firsts = [signs(case) for case in BY_CHANNEL[first[0].value] if not signs(case).asked]
    seconds = [signs(case) for case in BY_CHANNEL[second[0].value] if not signs(case).asked]
    assert seconds
    if signs_apart := DISJOINT.get((first[0], second[0])):
        assert min(sum(map(ne, one, other)) for one in firsts for other in seconds) == signs_apart
    else:
        assert [one for one in firsts if second[1](traffic(one))]


def test_the_disjoint_neighbours_are() -> None:
    """Of all kinds of traffic, put together from what the rules ask for."""
    kinds = itertools.product(
        ["", "x", "email", "sms", "firebase"],
        [
            "",
            "x",
            "cpc",
            "cpm",
            "display",
            "social",
            "video",
            "organic",
            "email",
            "affiliate",
            "audio",
            "sms",
            "push",
            "link",
        ],
        [Campaign(cross, shop) for cross in (False, True) for shop in (False, True)],
        [None, *Category],
        [None, *Means],
        [False, True],
    )
    meet = set()
    for kind in itertools.starmap(Traffic, kinds):
        decided = decide(kind)
        meet |= {(first, second) for (first, _), (second, applies) in PAIRS if decided is first and applies(kind)}
    assert {(first, second) for (first, _), (second, _) in PAIRS} - meet == set(DISJOINT)


@pytest.mark.parametrize("case", BY_CHANNEL["QR"])
def test_a_scan_comes_before_all_rules(case: str) -> None:
    """`w_qr` and the first rule are neighbours too, and so are `w_ch` and `w_qr`."""
    scan = signs(case)
    assert channel(scan._replace(asked="", qr=False)) != "QR"
    assert channel(scan._replace(asked="email", qr=True)) == "Email"


def test_there_are_twenty() -> None:
    assert len(Channel) == 20


def test_a_batch() -> None:
    found = {
        "utm_source": ["google", "", ""],
        "utm_medium": ["cpc", "", ""],
        "utm_campaign": ["spring shop", "", ""],
        "ad_click": ["", "gclid", ""],
        "referrer_source": ["", "", ""],
        "referrer_host": ["", "", "blog.example.org"],
    }
    made = Channels()({**columns(click(), click(), click()), **found})
    assert made == {"channel": ["Paid Shopping", "Paid Search", "Referral"]}
    made = Channels()({**columns(click(channel="SMS"), click(qr=True), click()), **found})
    assert made == {"channel": ["SMS", "QR", "Referral"]}
