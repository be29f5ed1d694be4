"""Golden clicks of every enricher and every channel: what the real chain makes of them, column by column.

`enrich/x.expected.ndjson` has all columns that the enricher makes, `channel/x.expected.ndjson` the channel. Each file
has clicks that are what it is named after, and some that only look so.
"""

import pytest

from deploy.trial import NoLedger
from streams.chain import Chain
from streams.enrich.chain import enrichers
from streams.enrich.channel import Channel
from streams.enrich.enricher import step_name
from streams.judge.reasons import Reason
from streams.pipeline import click_chain
from streams.settings import StreamSettings
from tests.unit.streams.golden.golden import HERE, expected, rows
from tests.unit.streams.test_enrich_geo import AMSTERDAM, EXAMPLE_NET, LONDON, write

MADE = {step_name(enricher): enricher.columns for enricher in enrichers()}
ENRICHERS = [name for name in MADE if name not in ("parameters", "channel")]
"""Those with columns of their own in `events`; the channel has files of its own."""

CHANNELS = {name: f"channel/{name.value.lower().replace(' ', '_')}" for name in Channel}
LIGHT, DARK = "81.2.69.0/24", "2001:db8::/32"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> StreamSettings:
    """As a worker's, with two places and one network that are known."""
    geo = tmp_path_factory.mktemp("geo")
    write(geo / "city.mmdb", "GeoLite2-City", {LIGHT: LONDON})
    write(geo / "flat.mmdb", "city ipvAll", {DARK: AMSTERDAM})
    write(geo / "asn.mmdb", "asn", {LIGHT: EXAMPLE_NET, DARK: EXAMPLE_NET})
    return StreamSettings(geo_dir=geo)


@pytest.fixture(scope="module")
def chain(settings: StreamSettings) -> Chain:
    return click_chain(settings, NoLedger())


@pytest.mark.parametrize("name", ENRICHERS)
async def test_columns_of_each_enricher(name: str, chain: Chain, settings: StreamSettings) -> None:
    assert await rows(f"enrich/{name}", ("seq", *MADE[name]), chain, settings) == expected(f"enrich/{name}")


@pytest.mark.parametrize("channel", Channel)
async def test_clicks_of_each_channel(channel: Channel, chain: Chain, settings: StreamSettings) -> None:
    assert await rows(CHANNELS[channel], ("seq", "channel"), chain, settings) == expected(CHANNELS[channel])


@pytest.mark.parametrize("name", ENRICHERS)
def test_each_file_fills_every_column_of_its_enricher_and_leaves_it_empty(name: str) -> None:
    for column in MADE[name]:
        values = {row[column] for row in expected(f"enrich/{name}")}
        assert len(values) > 1
        assert values & {"", 0, "unknown", "other"}


@pytest.mark.parametrize("channel", Channel)
def test_each_file_has_its_channel_and_a_neighbour(channel: Channel) -> None:
    found = [row["channel"] for row in expected(CHANNELS[channel])]
    assert found.count(channel.value) >= 2
    assert set(found) - {channel.value}


def test_no_file_is_forgotten() -> None:
    named = {f"enrich/{name}" for name in ENRICHERS} | set(CHANNELS.values()) | {f"reason/{name}" for name in Reason}
    stored = {path.relative_to(HERE).as_posix() for path in HERE.glob("*/*.ndjson")}
    assert stored == {f"{name}{end}.ndjson" for name in named for end in ("", ".expected")}
