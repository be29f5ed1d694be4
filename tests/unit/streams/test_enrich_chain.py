from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.events import Kind, RawClick
from streams.enrich.chain import enrichers, refresh, systems
from streams.enrich.enricher import Enricher
from tests.unit.streams.clicks import click, columns
from tests.unit.streams.test_enrich_geo import write
from warehouse.columns import Columns
from warehouse.events import ENRICHED_COLUMNS, RAW_COLUMNS

CHAIN = enrichers()

short_text = st.text(max_size=64)
clicks = st.builds(
    RawClick,
    kind=st.sampled_from(Kind),
    src=st.just(1),
    seq=st.integers(1, 9),
    ts=st.just(0),
    network=st.text(max_size=43),
    opted_out=st.booleans(),
    user_agent=short_text,
    hints=st.dictionaries(st.sampled_from(["mobile", "platform", "form-factors", "x"]), short_text, max_size=3),
    referrer=short_text | short_text.map("https://".__add__),
    language=short_text,
    query=short_text,
    position=st.integers(0, 9),
    position_of=st.integers(0, 9),
    channel=short_text,
    qr=st.booleans(),
)


def run(chain: tuple[Enricher, ...], batch: list[RawClick]) -> Columns:
    made = columns(*batch)
    for enricher in chain:
        made |= enricher(made)
    return {name: column for name, column in made.items() if name not in {*RAW_COLUMNS, "kind", "parameters"}}


def test_each_column_is_made_by_one_enricher() -> None:
    made = [column for enricher in CHAIN for column in enricher.columns]
    assert sorted(made) == sorted({*ENRICHED_COLUMNS, "parameters"} - {"extra"})  # the users' own fields, empty here


@settings(deadline=None)  # the machine may be busy
@given(st.lists(clicks, max_size=5))
def test_any_click_that_decodes_is_enriched(batch: list[RawClick]) -> None:
    made = run(CHAIN, batch)
    assert set(made) == set(ENRICHED_COLUMNS) - {"extra"}
    assert all(len(column) == len(batch) for column in made.values())


@settings(deadline=None)  # the machine may be busy
@given(st.lists(clicks, max_size=5))
def test_an_enricher_makes_what_it_says_and_makes_it_again(batch: list[RawClick]) -> None:
    made = columns(*batch)
    for enricher in CHAIN:
        once = enricher(made)
        assert tuple(once) == enricher.columns
        assert enricher(made) == once
        made |= once


def test_one_click_through_all() -> None:
    made = run(
        CHAIN,
        [
            click(
                user_agent="Mozilla/5.0 (Windows NT 10.0; rv:131.0) Gecko/20100101 Firefox/131.0",
                referrer="https://www.google.com/",
                query="utm_source=News&utm_medium=E-Mail&utm_campaign=May&fbclid=",
                language="de-DE,de;q=0.9",
                position=2,
                position_of=4,
            )
        ],
    )
    assert {name: column[0] for name, column in made.items() if column[0]} == {
        "device": "desktop",
        "browser": "Firefox",
        "browser_version": "131.0",
        "os": "Windows",
        "os_version": "10",
        "referrer_host": "google.com",
        "referrer_domain": "google.com",
        "referrer_source": "Google",
        "utm_source": "news",
        "utm_medium": "email",
        "utm_campaign": "may",
        "utm_source_raw": "News",
        "utm_medium_raw": "E-Mail",
        "utm_campaign_raw": "May",
        "ad_click": "fbclid",
        "channel": "Email",
        "placement": "2nd 20%",
        "language": "de-de",
    }


def test_whose_a_network_is_can_be_asked_before_the_rest(tmp_path: Path) -> None:
    write(tmp_path / "a.mmdb", "asn", {"81.2.69.0/24": {"autonomous_system_number": 64_500}})
    there = columns(click(network="81.2.69.0/24"), click(network=""))
    assert systems(enrichers(geo_dir=tmp_path), there) == [64_500, 0]
    assert systems((), there) == [0, 0]


def test_a_wrong_taxonomy_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        enrichers(taxonomy=tmp_path / "none.yml")


def test_a_changed_database_is_taken_into_use(tmp_path: Path) -> None:
    chain = enrichers(geo_dir=tmp_path)
    there = [click(network="81.2.69.0/24")]
    assert run(chain, there)["country"] == [""]
    write(tmp_path / "a.mmdb", "country", {"81.2.69.0/24": {"country_code": "GB"}})
    refresh(chain)
    assert run(chain, there)["country"] == ["GB"]
