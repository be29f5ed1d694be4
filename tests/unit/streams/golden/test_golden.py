"""Golden clicks: a file of raw clicks a reason, put through the real chain, and beside it what each has to count as.

`x.ndjson` has raw clicks as `weir try` takes them, a log in its order; `x.expected.ndjson` has their rows, a line each.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from deploy.trial import Line, NoLedger, attempt, read
from streams.chain import Chain
from streams.judge.reasons import Reason
from streams.pipeline import click_chain
from streams.settings import StreamSettings
from tests.unit.streams.test_enrich_geo import write
from warehouse.columns import Column

HERE = Path(__file__).parent
NAMES = ("seq", "outcome", "verdict", "score", "reasons")

Row = Mapping[str, object]


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


async def rows(reason: str, chain: Chain, settings: StreamSettings) -> Sequence[Row]:
    """What the chain makes of a file's clicks."""
    lines = [line for line in read((HERE / f"{reason}.ndjson").read_bytes().splitlines(), 0) if isinstance(line, Line)]
    made = (await attempt(lines, chain, settings)).rows
    columns: list[Column] = [made[name] for name in NAMES]
    return [dict(zip(NAMES, row, strict=True)) for row in zip(*columns, strict=True)]


def expected(reason: str) -> Sequence[Row]:
    """What stands in the file beside it."""
    rows = map(msgspec.json.decode, (HERE / f"{reason}.expected.ndjson").read_bytes().splitlines())
    return [row | {"reasons": tuple(row["reasons"])} for row in rows]


@pytest.mark.parametrize("reason", Reason)
async def test_clicks_of_each_reason(reason: Reason, chain: Chain, settings: StreamSettings) -> None:
    assert await rows(reason, chain, settings) == expected(reason)


@pytest.mark.parametrize("reason", Reason)
def test_each_file_has_its_reason_and_clicks_without_it(reason: Reason) -> None:
    found = [reason.value in row["reasons"] for row in expected(reason)]  # type: ignore[operator]  # a tuple
    assert set(found) == {True, False}


def test_a_scanner_of_twelve_links_among_people_is_caught_whole_and_nobody_else() -> None:
    clicks = [msgspec.json.decode(line) for line in (HERE / "burst.ndjson").read_bytes().splitlines()]
    scanner = {click["address_id"] for click in clicks if click["address_id"].startswith("000000000000ee")}
    verdicts = [row["verdict"] for row in expected("burst")]
    judged = [(click["address_id"] in scanner, verdict) for click, verdict in zip(clicks, verdicts, strict=True)]
    assert judged.count((True, "bot")) == 12
    assert {verdict for is_scanner, verdict in judged if not is_scanner} == {"human"}
