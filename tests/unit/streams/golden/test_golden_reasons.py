"""Golden clicks: a file of raw clicks a reason, put through the real chain, and beside it what each has to count as."""

import tomllib

import msgspec
import pytest

from deploy.trial import NoLedger
from streams.chain import Chain
from streams.judge.reasons import Reason
from streams.pipeline import click_chain
from streams.settings import StreamSettings
from tests.unit.streams.golden.golden import HERE, expected, rows
from tests.unit.streams.test_enrich_geo import write

NAMES = ("seq", "outcome", "verdict", "score", "reasons")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> StreamSettings:
    """As a worker's, with networks that are known and lists of its own."""
    geo = tmp_path_factory.mktemp("geo")
    systems = tomllib.loads((HERE / "networks.toml").read_text())
    records = {network: {"autonomous_system_number": number} for network, number in systems.items()}
    write(geo / "asn.mmdb", "asn", records)
    return StreamSettings(geo_dir=geo, lists=HERE / "lists.toml")


@pytest.fixture(scope="module")
def chain(settings: StreamSettings) -> Chain:
    return click_chain(settings, NoLedger())


@pytest.mark.parametrize("reason", Reason)
async def test_clicks_of_each_reason(reason: Reason, chain: Chain, settings: StreamSettings) -> None:
    assert await rows(f"reason/{reason}", NAMES, chain, settings) == expected(f"reason/{reason}")


@pytest.mark.parametrize("reason", Reason)
def test_each_file_has_its_reason_and_clicks_without_it(reason: Reason) -> None:
    found = [reason.value in row["reasons"] for row in expected(f"reason/{reason}")]  # type: ignore[operator]  # a tuple
    assert set(found) == {True, False}


def test_a_scanner_of_twelve_links_among_people_is_caught_whole_and_nobody_else() -> None:
    clicks = [msgspec.json.decode(line) for line in (HERE / "reason" / "burst.ndjson").read_bytes().splitlines()]
    scanner = {click["address_id"] for click in clicks if click["address_id"].startswith("000000000000ee")}
    verdicts = [row["verdict"] for row in expected("reason/burst")]
    judged = [(click["address_id"] in scanner, verdict) for click, verdict in zip(clicks, verdicts, strict=True)]
    assert judged.count((True, "bot")) == 12
    assert {verdict for is_scanner, verdict in judged if not is_scanner} == {"human"}
