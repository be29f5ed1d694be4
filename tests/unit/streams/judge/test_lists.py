import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.enrich.utm import DEFAULT_TAXONOMY
from streams.judge.judge import Judge
from streams.judge.lists import WrongLists, in_networks, network, read_lists
from streams.judge.version import rules_version
from streams.windows.rules import WindowRules
from tests.unit.streams.judge.clicks import seen
from warehouse.columns import Column

PAGE = Path(__file__).parents[4] / "docs" / "verdicts.md"


def example() -> str:
    """The lists that the documentation shows."""
    [block] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(block)


def judge(folder: Path, text: str) -> Judge:
    file = folder / "lists.toml"
    file.write_text(text)
    return Judge("test", 100, read_lists(file))


def verdict(made: Any) -> tuple[str, tuple[str, ...], int]:
    return made["verdict"][0], made["reasons"][0], made["score"][0]


DENIED = [
    seen(network="198.51.100.0/24"),
    seen(network="198.51.7.0/24"),
    seen(network="2001:db8:66::/48"),
    seen(asn=64500),
    seen(user_agent="Mozilla/5.0 (compatible; AcmeRanker)"),
    seen(referrer_host="spam.example"),
    seen(referrer_host="a.b.spam.example"),
]
ALLOWED = [
    seen(network="203.0.113.0/24", user_agent="curl/8"),
    seen(asn=64511, user_agent=""),
    seen(user_agent="AcmeMonitor/2 (bot)", purpose="purpose: prefetch"),
    seen(referrer_host="intranet.example", user_agent="curl/8"),
    seen(network="203.0.113.0/24", asn=64500),
]
NEITHER = [
    seen(),
    seen(network="198.50.100.0/24"),
    seen(network="2001:db8:67::/48"),
    seen(network="anything else"),
    seen(asn=64501),
    seen(referrer_host="notspam.example"),
    seen(referrer_host="example"),
]


@pytest.mark.parametrize("click", DENIED)
def test_the_denied_are_bots(tmp_path: Path, click: dict[str, Column]) -> None:
    made, reasons, score = verdict(judge(tmp_path, example())(click))
    assert (made, reasons[0], score) == ("bot", "denied", 100)


@pytest.mark.parametrize("click", ALLOWED)
def test_the_allowed_are_people_whatever_else_fired_and_all_reasons_stay(
    tmp_path: Path, click: dict[str, Column]
) -> None:
    found, reasons, score = verdict(judge(tmp_path, example())(click))
    assert (found, score, reasons[0]) == ("human", 0, "allowed")
    assert len(reasons) > 1


@pytest.mark.parametrize("click", NEITHER)
def test_the_others_are_judged_as_ever(tmp_path: Path, click: dict[str, Column]) -> None:
    assert verdict(judge(tmp_path, example())(click)) == ("human", (), 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[deny]\nnetworks = ['192.0.2.0/24', '192.0.2.7']", r"\[deny\] networks, entry 2 \(192.0.2.7\): .* a /24 .*"
         r" write 192.0.2.0/24"),
        ("[deny]\nnetworks = ['2001:db8:1:2::/64']", r"entry 1 .* a /48 .* write 2001:db8:1::/48"),
        ("[deny]\nnetworks = ['192.0.2.7/16']", r"entry 1 .* host bits set"),
        ("[deny]\nnetworks = ['here']", r"entry 1 \(here\): .* IPv4 or IPv6"),
        ("[deny]\nnetworks = [7]", r"entry 1 \(7\): not a text"),
        ("[deny]\nnetworks = '192.0.2.0/24'", r"\[deny\] networks: not a list"),
        ("[allow]\nasns = [1, 'AS2']", r"\[allow\] asns, entry 2 \(AS2\): not the number"),
        ("[allow]\nasns = [0]", "entry 1"),
        ("[allow]\nasns = [true]", "entry 1"),
        ("[allow]\nuser_agents = ['(']", r"\[allow\] user_agents, entry 1 .* can't read the pattern: missing \)"),
        ("[allow]\nuser_agents = ['']", "entry 1 .*: not a pattern"),
        ("[deny]\nreferrers = ['https://a.example/']", "entry 1 .*: not a domain"),
        ("[deny]\ncountries = ['AQ']", "`deny`: there are .* networks, asns, user_agents, referrers"),
        ("[block]\nasns = [1]", "`block`: there are"),
        ("deny = 1", "`deny`: there are"),
        ("[deny]\nasns = [1 2]", r"can't be read: .*line 2"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_with_its_entry(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "lists.toml"
    file.write_text(text)
    with pytest.raises(WrongLists, match=f"^WEIR_LISTS: {re.escape(str(file))}.*{said}"):
        read_lists(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WrongLists, match=r"WEIR_LISTS: .*none\.toml can't be read"):
        read_lists(tmp_path / "none.toml")


def test_no_lists() -> None:
    assert read_lists(None) == {}


def test_lists_are_part_of_the_rules_version(tmp_path: Path) -> None:
    file = tmp_path / "lists.toml"
    versions = {rules_version(DEFAULT_TAXONOMY, WindowRules())}
    for text in ("", "[deny]\nasns = [1]", "[deny]\nasns = [2]"):
        file.write_text(text)
        versions.add(rules_version(DEFAULT_TAXONOMY, WindowRules(), file))
    assert len(versions) == 3, "an empty file says nothing"


@given(st.ip_addresses(v=4), st.integers(0, 24), st.ip_addresses(v=4))
def test_a_network_holds_what_it_says(address: Any, length: int, other: Any) -> None:
    shift = 32 - length
    first = type(address)(int(address) >> shift << shift)
    held = in_networks([network(f"{first}/{length}")])
    kept = type(other)(int(other) >> 8 << 8)
    assert held(f"{kept}/24") == (int(kept) >> shift == int(first) >> shift)
    assert not held("2001:db8::/48")
