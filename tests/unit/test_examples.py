"""The worked examples of docs/extending.md do what they say."""

import csv
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from deploy.cli import weir
from streams.agents import Weir
from streams.enriched import EnrichedClick
from streams.extension import Click, Verdict
from streams.own.find import find
from streams.own.load import own_enrichers

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
MINUTE = 60_000
START = 1_790_000_040_000  # a minute's beginning


def module(name: str, inside: str) -> ModuleType:
    """The example as `weir` loads it."""
    return sys.modules[find(f"{EXAMPLES / name}.py:{inside}").__module__]


@pytest.mark.parametrize(
    ("network", "company"),
    [
        ("192.0.2.0/24", "Acme Corporation"),
        ("198.51.102.0/24", "Globex"),
        ("198.51.104.0/24", None),
        ("2001:db8:1fff::/48", "Umbrella"),
        ("2001:db8:2000::/48", None),
        ("", None),
    ],
)
def test_a_company_is_known_by_its_network(network: str, company: str | None) -> None:
    [enricher] = own_enrichers(f"{EXAMPLES / 'company.py'}:company")
    added = enricher.make()(Click(network=network))
    assert (added.fields["company"] if added else None) == company


def test_the_narrowest_network_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("10.0.0.0/8", "wide"), ("10.1.0.0/16", "narrow")])
    company = module("company", "company")
    monkeypatch.setattr(company, "COMPANIES", company.read(table))
    assert [company.company_of(network).fields["company"] for network in ("10.2.0.0/24", "10.1.9.0/24")] == [
        "wide",
        "narrow",
    ]
    table.write_text("no network,Acme\n")
    with pytest.raises(ValueError, match="no network"):
        company.read(table)


def paid(seconds: int, address: str = "00000000000000aa", channel: str = "Paid Search") -> Click:
    return Click(channel=channel, address_id=address, ts=START + 1000 * seconds)


def test_paid_clicks_of_one_address_raise_its_score() -> None:
    count = find(f"{EXAMPLES / 'fraud.py'}:PaidClicks")()
    added = [count(paid(second)) for second in range(6)]
    assert [one.fields["paid_clicks"] for one in added] == ["1", "2", "3", "4", "5", "6"]
    assert [[reason.score for reason in one.reasons] for one in added] == [[], [], [], [40], [50], [60]]
    assert {reason.verdict for one in added for reason in one.reasons} == {Verdict.SUSPECT}
    assert added[-1].reasons[0].stored == "own:paid_clicks"


def test_other_addresses_other_channels_and_other_hours_do_not_count() -> None:
    count = find(f"{EXAMPLES / 'fraud.py'}:PaidClicks")()
    for second in range(3):
        count(paid(second))
    assert count(paid(4, channel="Email")) is None
    assert count(paid(4, address="")) is None
    assert count(paid(4, address="00000000000000bb")).fields == {"paid_clicks": "1"}
    assert count(paid(3601)).fields == {"paid_clicks": "2"}
    assert count(paid(10_000)).fields == {"paid_clicks": "1"}


def test_the_windows_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    fraud = module("fraud", "PaidClicks")
    monkeypatch.setattr(fraud, "ADDRESSES", 2)
    count = fraud.PaidClicks()
    for address in ("a", "b", "a", "c"):
        count(paid(0, address))
    assert count(paid(1, "a")).fields == {"paid_clicks": "3"}
    assert count(paid(1, "b")).fields == {"paid_clicks": "1"}
    assert [count(paid(2, "a")).reasons[0].score for _ in range(60)][-1] == 100


def clicks(minute: int, count: int, link: str = "l") -> list[EnrichedClick]:
    return [EnrichedClick(link_id=link, ts=START + minute * MINUTE + second) for second in range(count)]


def told(*clicks: EnrichedClick) -> list[tuple[int, int, float]]:
    """The alerts, by minute."""
    watch = find(f"{EXAMPLES / 'alerts.py'}:Watch")()
    found = (watch.seen(click) for click in clicks)
    return [((one.minute - START) // MINUTE, one.clicks, one.usual) for one in found if one]


def test_a_link_that_is_suddenly_followed_is_told_once_a_minute() -> None:
    assert told(*clicks(0, 20), *clicks(1, 20), *clicks(2, 150), *clicks(3, 10)) == [(2, 101, 20.0)]


def test_what_is_usual_is_no_alert_and_a_link_s_first_minute_says_nothing() -> None:
    assert told(*clicks(0, 500), *clicks(1, 1000)) == []
    assert told(*clicks(0, 1), *clicks(1, 50)) == []
    assert told(*clicks(0, 1), *clicks(1, 51)) == [(1, 51, 1.0)]


def test_minutes_without_clicks_count_too_and_late_clicks_do_not() -> None:
    [(minute, _, usual)] = told(*clicks(0, 100), *clicks(30, 80))
    assert minute == 30
    assert usual == pytest.approx(100 * 0.9**29, abs=0.01)
    assert told(*clicks(0, 1), *clicks(1, 10), *clicks(0, 100)) == []


def test_links_are_watched_one_by_one() -> None:
    assert told(*clicks(0, 1, "a"), *clicks(0, 1, "b"), *clicks(1, 40, "a"), *clicks(1, 40, "b")) == []


def test_a_record_that_comes_again_is_known() -> None:
    watch = find(f"{EXAMPLES / 'alerts.py'}:Watch")()
    places = [(0, 0), (0, 1), (1, 0), (0, 1), (0, 0), (0, 2), (1, 0)]
    new = [
        watch.is_new(EnrichedClick(topic_id="t", kafka_partition=partition, kafka_offset=offset))
        for partition, offset in places
    ]
    assert new == [True, True, True, False, False, True, False]


PAGE = (EXAMPLES.parent / "extending.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_tutorials_enricher_does_what_the_tutorial_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [clicks], (enricher, _) = blocks("json"), blocks("python")
    (tmp_path / "clicks.ndjson").write_text(clicks)
    (tmp_path / "mine.py").write_text(enricher)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deploy.commands.try_.configure", lambda _: None)  # it would be all later tests' too
    with capture_logs():
        tried = CliRunner().invoke(weir, ["try", "clicks.ndjson"], env={"WEIR_ENRICHERS": "mine.py:office"})
    assert tried.exit_code == 0
    first, second = (
        [" ".join(line.split()) for line in part.splitlines()] for part in tried.stdout.strip().split("\n\n")
    )
    [shown] = blocks("text")
    assert {" ".join(line.split()) for line in shown.splitlines()} < set(first)
    assert second[-1] == "judge human, score 0: no reason against it"


async def test_the_tutorials_agent_is_one(tmp_path: Path) -> None:
    (tmp_path / "offices.py").write_text(blocks("python")[1])
    made: list[Any] = []

    class App:
        def agent(self, topic: str) -> Any:
            return lambda function: made.append((topic, function))

    three: list[Any] = [App(), "raw", "enriched"]
    find(f"{tmp_path / 'offices.py'}:agents")(Weir(*three))
    [(topic, agent)] = made
    assert topic == "enriched"

    async def clicks() -> AsyncIterator[EnrichedClick]:
        yield EnrichedClick()
        yield EnrichedClick(extra={"office": "headquarters"})

    await agent(clicks())
