import json
import tomllib
from pathlib import Path

import crawleruseragents
import fake_useragent
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.events import Kind, RawClick
from streams.enrich.utm import DEFAULT_TAXONOMY
from streams.judge import patterns
from streams.judge.judge import Judge
from streams.judge.outcomes import UNJUDGED, counted, judgement, repeated
from streams.judge.reasons import STRENGTH, WEIGHTS, Reason, bits_of, reasons_of, verdict
from streams.judge.user_agents import UserAgentLayer, listed_crawlers, read_user_agent_rules
from streams.judge.version import rules_version
from streams.windows.hold import HoldLimit
from streams.windows.rules import WindowRules
from tests.unit.streams.clicks import click, columns
from warehouse.columns import Coded, Column
from warehouse.events import JUDGED_COLUMNS, Outcome

PERSON = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"
PHONE = "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
LAYER = UserAgentLayer(1000)


def looked_up(*clicks: RawClick) -> dict[str, Column]:
    """Clicks as the judge gets them, from networks that nothing is known of."""
    return {**columns(*clicks), "asn": [0] * len(clicks)}


def one(**fields: object) -> dict[str, object]:
    """What the judge makes of one click of a person's browser, but for the given fields."""
    made = Judge("v1")(looked_up(click(**{"user_agent": PERSON} | fields)))
    return {name: column[0] for name, column in made.items()}


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("", Reason.EMPTY_USER_AGENT),
        (" \t", Reason.EMPTY_USER_AGENT),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Reason.KNOWN_CRAWLER),
        ("FriendlyLinkChecker/1.0 bot", Reason.CRAWLER_WORDS),
        ("Some Crawler", Reason.CRAWLER_WORDS),
        (PERSON.replace("Firefox", "HeadlessFox"), Reason.AUTOMATION),
        ("curl/8.5.0", Reason.HTTP_LIBRARY),
        ("python-requests/2.32", Reason.HTTP_LIBRARY),
        ("Mozilla/5.0", Reason.MALFORMED_USER_AGENT),
        ("-", Reason.MALFORMED_USER_AGENT),
        ("12345678901", Reason.MALFORMED_USER_AGENT),
    ],
)
def test_programs(agent: str, reason: Reason) -> None:
    made = one(user_agent=agent)
    assert reason in made["reasons"]  # type: ignore[operator]  # a tuple of reasons
    assert (made["verdict"], made["outcome"]) == ("bot", "bot")


@pytest.mark.parametrize(
    ("purpose", "found"),
    [
        ("sec-purpose: prefetch", True),
        ("sec-purpose: prefetch;prerender", True),
        ("purpose: prefetch", True),
        ("x-moz: prefetch", True),
        ("x-purpose: preview", True),
        ("x-moz: prefetch, sec-purpose: prefetch", True),
        ("x-purpose: x, purpose: prefetch", True),
        ("", False),
        ("purpose: navigate", False),
        ("xpurpose: prefetch", False),
    ],
)
def test_prefetch(purpose: str, found: bool) -> None:
    assert one(purpose=purpose)["outcome"] == ("prefetch" if found else "human")


def test_every_reason_is_kept_and_the_strongest_wins() -> None:
    made = one(user_agent="curl/8.5.0", purpose="purpose: prefetch")
    assert made["verdict"] == "bot"
    assert {"known_crawler", "http_library", "prefetch"} <= set(made["reasons"])  # type: ignore[call-overload]
    assert made["score"] == 100


def test_a_person() -> None:
    assert one() == {
        "kind": "click",
        "outcome": "human",
        "verdict": "human",
        "score": 0,
        "reasons": (),
        "rules_version": "v1",
    }


@pytest.mark.parametrize("kind", UNJUDGED)
def test_what_is_no_click_is_not_judged(kind: Kind) -> None:
    made = one(kind=kind, user_agent="")
    outcome = "source" if kind in (Kind.HEARTBEAT, Kind.CLOSE) else kind.value
    assert (made["outcome"], made["verdict"], made["reasons"]) == (outcome, "none", ())


@pytest.mark.parametrize(
    ("reasons", "duplicate", "expected"),
    [
        ((), False, Outcome.HUMAN),
        ((), True, Outcome.DUPLICATE),
        ((Reason.HTTP_LIBRARY,), False, Outcome.BOT),
        ((Reason.HTTP_LIBRARY,), True, Outcome.DUPLICATE),
        ((Reason.PREFETCH,), False, Outcome.PREFETCH),
        ((Reason.PREFETCH, Reason.EMPTY_USER_AGENT), False, Outcome.BOT),
        ((Reason.BURST,), False, Outcome.BOT),
    ],
)
def test_the_first_outcome_that_holds(reasons: tuple[Reason, ...], duplicate: bool, expected: Outcome) -> None:
    assert judgement(Kind.CLICK, reasons, duplicate=duplicate).outcome == expected


@settings(deadline=None)  # the machine may be busy
@given(st.sets(st.sampled_from(Reason)), st.booleans(), st.booleans(), st.sampled_from(Kind))
def test_the_order_of_outcomes_is_the_ledgers(reasons: set[Reason], duplicate: bool, repeat: bool, kind: Kind) -> None:
    outcomes = Coded.of([judgement(kind, tuple(reasons), duplicate=duplicate).outcome])
    found = repeated(outcomes, np.flatnonzero(counted(outcomes) & repeat))[0]
    if kind in UNJUDGED:
        holds = {UNJUDGED[kind]}
    else:
        holds = {Outcome(verdict(reasons).value)}
        holds |= {Outcome.REPEAT} if repeat else set()
    holds |= {Outcome.DUPLICATE} if duplicate else set()
    assert found == next(outcome for outcome in Outcome if outcome in holds)


def test_the_table_of_reasons_is_whole() -> None:
    assert set(WEIGHTS) == set(Reason)
    (allowed, _), *others = WEIGHTS.items()
    assert allowed is Reason.ALLOWED, "stronger than any"
    assert all(1 <= weight.score <= 100 for _, weight in others)
    places = [STRENGTH.index(weight.verdict) for _, weight in others]
    assert places == sorted(places), "the first that fired decides, so the stronger class comes first"


@given(st.sets(st.sampled_from(Reason)))
def test_reasons_are_bits_and_back(reasons: set[Reason]) -> None:
    assert set(reasons_of(bits_of(reasons))) == reasons


def test_a_batch() -> None:
    judge = Judge("v1")
    clicks = [click(user_agent=PERSON), click(user_agent=PERSON), click(user_agent=""), click(kind=Kind.CLOSE)]
    made = judge(looked_up(*clicks), duplicates=[1], marks={0: bits_of((Reason.BURST, Reason.TRAP))})
    assert tuple(made) == JUDGED_COLUMNS
    assert made["outcome"] == ["bot", "duplicate", "bot", "source"]
    assert made["reasons"] == [("burst", "trap"), (), ("empty_user_agent",), ()]
    assert made["score"] == [95, 0, 95, 0]
    assert made["kind"] == ["click", "click", "click", "close"]
    assert judge(looked_up())["outcome"] == []


def test_the_dead_count_as_dead_and_as_nothing_else() -> None:
    made = Judge("v1")(looked_up(click(user_agent=""), click(user_agent="")), dead={1: "why"}, duplicates=[1])
    assert {name: column[1] for name, column in made.items()} == {
        "kind": "unknown", "outcome": "dead", "verdict": "none", "score": 0, "reasons": (), "rules_version": "v1",
    }  # fmt: skip
    assert made["outcome"][0] == "bot"


def test_no_real_browser_is_a_bot() -> None:
    listed = Path(fake_useragent.__file__).with_name("data") / "browsers.jsonl"
    agents = {json.loads(line)["useragent"] for line in listed.read_text().splitlines()}
    devices = tomllib.loads(Path(__file__).parents[1].joinpath("device_agents.toml").read_text())
    agents |= {agent for name in devices if name != "other" for agent, *_ in devices[name]}
    agents = {agent for agent in agents if agent and "CFNetwork" not in agent}  # the hints tell; an app's own requests
    assert {agent: LAYER.reasons(agent) for agent in agents if LAYER.reasons(agent)} == {}


def test_every_listed_crawler_is_a_bot_but_what_people_use() -> None:
    listed = {agent for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA for agent in crawler["instances"]}
    assert len(listed) > 1000
    missed = [agent for agent in listed if not LAYER.reasons(agent)]
    names = ("CPH2557 Build/AP3A.240617.008", "Fluid/0.9.6", "Code/1.115.0")
    assert all(any(name in agent for name in names) for agent in missed)


def test_patterns_that_name_what_people_use_are_not_taken() -> None:
    named = tomllib.loads(patterns.RULES.read_text())["known_crawler"]["not_taken"]
    rules = read_user_agent_rules()
    assert set(named) <= set(listed_crawlers())  # else it is time to look at the list again
    assert set(rules.crawlers) == set(listed_crawlers()) - set(named)
    phone = PHONE.replace("SM-S918B", "CPH2557 Build/AP3A.240617.008; wv")
    assert LAYER.reasons(phone) == ()
    assert LAYER.reasons("Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)")


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (PHONE.replace("SM-S918B", "CUBOT NOTE 20"), None),
        (PHONE.replace("SM-S918B", "C Bot Tab 70"), None),
        (PHONE.replace("SM-S918B", "M_bot_tab_71"), None),
        (PHONE.replace("SM-S918B", "B BOT 550 Build/MRA58K"), None),
        (PHONE.replace("SM-S918B", "Discovery II"), None),
        (PHONE + " (Ecosia android@150.0.0.0)", None),
        (PHONE + " [FBAN/FB4A;FBCR/Telekom.de;FBLC/de_DE]", None),
        ("Opera/9.80 (Linux armv7l; HbbTV/1.2.1 (; Philips; ; ; ) CE-HTML/1.0) Presto/2.10.250", None),
        ("Nokia6300/2.0 (05.50) Profile/MIDP-2.0 Configuration/CLDC-1.1", None),
        ("Lynx/2.9.0 libwww-FM/2.14", None),
        (PHONE + " examplebot", Reason.CRAWLER_WORDS),
        (PHONE + " (compatible; ExampleThing/1.0)", Reason.CRAWLER_WORDS),
        (PHONE + " someone@example.org", Reason.CRAWLER_WORDS),
        (PHONE + " +example.com", Reason.CRAWLER_WORDS),
        (PHONE.replace("Chrome/130.0.0.0", "Chrome/W.X.Y.Z"), Reason.AUTOMATION),
        ("ExampleThing/1.0", Reason.MALFORMED_USER_AGENT),
        ("Mozilla/5.0 (compatible; ExampleThing)", Reason.MALFORMED_USER_AGENT),
        ("Mozilla/5.0 AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36", Reason.MALFORMED_USER_AGENT),
    ],
)
def test_programs_and_what_only_looks_like_one(agent: str, reason: Reason | None) -> None:
    rules = read_user_agent_rules()
    ours = UserAgentLayer(1, rules._replace(crawlers=())).reasons(agent)
    assert (reason in ours) if reason else (ours == ())


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=100))
def test_any_user_agent_is_judged(agent: str) -> None:
    assert set(LAYER.reasons(agent)) <= set(Reason)


def test_the_version_follows_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = rules_version(DEFAULT_TAXONOMY, WindowRules())
    assert len(version) == 12
    assert rules_version(DEFAULT_TAXONOMY, WindowRules()) == version
    mine = tmp_path / "mine.yml"
    mine.write_text("source: {}")
    changed = tmp_path / "bots.toml"
    changed.write_text(patterns.RULES.read_text() + "\n")
    others = [rules_version(mine, WindowRules())]
    monkeypatch.setattr(patterns, "RULES", changed)
    others.append(rules_version(DEFAULT_TAXONOMY, WindowRules()))
    monkeypatch.undo()
    others.append(rules_version(DEFAULT_TAXONOMY, WindowRules(hold=HoldLimit(1.0))))
    others.append(rules_version(DEFAULT_TAXONOMY, WindowRules(repeat_ms=1)))
    assert len({version, *others}) == 5
