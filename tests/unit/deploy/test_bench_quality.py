"""`weir bench quality` on small lists; with real npm and pip it is in tests/integration/test_bench_quality.py."""

import json

import crawleruseragents
import pytest
from rich.console import Console

from benchmarks import classes, verdicts
from benchmarks.lists import (
    CRAWLERS,
    MATOMO,
    READERS,
    SHARES,
    VISITS,
    Agents,
    Machine,
    Source,
    Visit,
    crawlers,
    listings,
    shares,
)
from benchmarks.quality import Report, as_json, markdown, show
from streams.enrich.device import Device
from streams.judge.reasons import Reason
from streams.judge.user_agents import UserAgentLayer, UserAgentRules, read_user_agent_rules

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"
RULES = UserAgentRules({Reason.CRAWLER_WORDS: ("alpha", "beta", "both")}, ("^mozilla",), ("Listed",))
LISTS = {
    CRAWLERS: Agents(frozenset({"Mozilla Listed", "Mozilla alpha", "Mozilla both"}), frozenset()),
    "other": Agents(
        frozenset({"Mozilla beta", "Mozilla both", "Mozilla Listed 2", "odd"}), frozenset({BROWSER, "nobeta"})
    ),
}


def test_a_list_is_judged_by_rules_that_do_not_know_it() -> None:
    """Its own patterns are switched off, and those that no other list speaks for."""
    blind = verdicts.without(CRAWLERS, RULES, LISTS)
    assert (blind.words[Reason.CRAWLER_WORDS], blind.crawlers) == (("beta", "both"), ())
    blind = verdicts.without("other", RULES, LISTS)
    assert (blind.words[Reason.CRAWLER_WORDS], blind.crawlers) == (("alpha", "both"), ("Listed",))


def test_recall_and_precision_of_a_list() -> None:
    found = verdicts.found("other", RULES, LISTS)
    assert found.missed == ("Mozilla beta",)
    assert (found.bots, found.recall, found.rules_off) == (4, 0.75, 1)
    assert found.own == 3
    assert found.own_recall == pytest.approx(2 / 3)
    assert (found.people, found.taken, found.precision) == (2, 1, 0.75)  # `nobeta` is built as no browser's
    assert not found.met
    assert verdicts.found(CRAWLERS, RULES, LISTS).precision is None


def test_the_weight_of_people_that_are_taken_for_bots() -> None:
    traffic = [Visit(BROWSER, 0.5, "desktop"), Visit(BROWSER, 0.4985, "desktop"), Visit("curl/8", 0.0015, "desktop")]
    weighed = verdicts.weighed("some", traffic, UserAgentLayer(1))
    assert (weighed.user_agents, weighed.taken, weighed.met) == (2, ("curl/8",), False)
    assert weighed.share == pytest.approx(0.0015)


def test_scores_of_device_classes() -> None:
    machines = [Machine(BROWSER, (), Device.DESKTOP), Machine(BROWSER, (("sec-ch-ua-mobile", "?1"),), Device.DESKTOP)]
    machines.append(Machine("Roku/DVP-12", (), Device.TV))
    desktop, tv = classes.scored(machines)
    assert (desktop.device, desktop.agents, desktop.precision, desktop.recall) == ("desktop", 2, 1.0, 0.5)
    assert desktop.f1 == pytest.approx(2 / 3)
    assert (tv.f1, tv.met, desktop.met) == (1.0, True, False)


def test_agreement_is_weighed() -> None:
    traffic = [Visit(BROWSER, 3, "desktop"), Visit("Roku/DVP-12", 1, "desktop")]
    agreed = classes.agreed("some", traffic)
    assert (agreed.share, agreed.differing, agreed.met) == (0.75, (("Roku/DVP-12", "desktop", "tv"),), False)


def test_the_agents_checked_by_hand_keep_the_bounds() -> None:
    scored = classes.scored(classes.checked())
    assert {one.device for one in scored} == set(Device)
    assert all(one.met for one in scored)
    assert sum(one.agents for one in scored) >= classes.ENOUGH


def test_the_lists_that_are_installed_keep_the_bounds() -> None:
    """What can be judged without fetching: the crawlers by our own rules alone, and one list of real traffic."""
    ours = UserAgentLayer(1, read_user_agent_rules()._replace(crawlers=()))
    listed = crawlers().bots
    assert len(listed) > len(crawleruseragents.CRAWLER_USER_AGENTS_DATA)
    assert sum(1 for agent in listed if ours.reasons(agent)) / len(listed) >= verdicts.RECALL
    assert verdicts.weighed(SHARES, shares(), UserAgentLayer(1)).met
    assert classes.agreed(SHARES, shares()).met


def test_every_list_is_pinned_and_can_be_read() -> None:
    found = listings()
    assert set(found) == {*READERS, VISITS}
    assert all(one.integrity.startswith("sha256:" if one.index == "pypi" else "sha512-") for one in found.values())
    assert all(one.licence and one.licences for one in found.values())
    assert found[MATOMO].source == Source(MATOMO, "device_detector", found[MATOMO].version, found[MATOMO].licence)


@pytest.fixture
def report() -> Report:
    """One row of each kind, the first list's bound missed."""
    traffic = [Visit(BROWSER, 1, "desktop")]
    return Report(
        sources=(Source("other", "some-package", "1.0", "MIT"),),
        lists=tuple(verdicts.found(name, RULES, LISTS) for name in LISTS),
        traffic=(verdicts.weighed("some", traffic, UserAgentLayer(1)),),
        checked=classes.scored(classes.checked()),
        agreement=(classes.agreed("some", [Visit(BROWSER, 1, "tablet")]),),
        matomo=(),
    )


def test_the_tables_say_what_was_missed(report: Report) -> None:
    page = markdown(report)
    assert "| other | 4 | **75.00% missed** | 3 | 66.67% | 2 | 1 | 75.0% | 1 |" in page
    assert "| some | 1 | 0 | 0.0000% | met |" in page
    assert "| some-package | 1.0 | MIT |" in page
    console = Console(record=True, width=200)
    show(report, console)
    said = console.export_text()
    assert "missed of other: Mozilla beta" in said
    assert f"some says tablet, Weir desktop: {BROWSER}" in said


def test_json_has_every_figure(report: Report) -> None:
    found = json.loads(as_json(report))
    assert (found["met"], report.met) == (False, False)
    assert found["lists"][1]["recall"] == 0.75
    assert found["checked"][0]["f1"] == 1.0
    assert found["sources"][0]["licence"] == "MIT"
