from pathlib import Path

import numpy as np
import pytest

from streams.judge.judge import Judge
from streams.judge.networks import NetworkLayer, is_browser, read_networks, watched_systems
from streams.judge.reasons import Reason, reasons_of
from tests.unit.streams.judge.clicks import BROWSER, seen
from warehouse.columns import Columns

LAYER = NetworkLayer()
JUDGE = Judge("test")


def reasons(asn: int, user_agent: str = BROWSER) -> tuple[Reason, ...]:
    return reasons_of(int(LAYER(seen(asn=asn, user_agent=user_agent))[0]))


@pytest.mark.parametrize(
    ("asn", "reason", "verdict"),
    [
        (15324, Reason.SCANNER_NETWORK, "bot"),
        (52129, Reason.SCANNER_NETWORK, "bot"),
        (42427, Reason.SCANNER_NETWORK, "bot"),
        (16417, Reason.SCANNER_NETWORK, "bot"),
        (132229, Reason.SCANNER_NETWORK, "bot"),
        (24940, Reason.HOSTING_NETWORK, "suspect"),
        (16509, Reason.HOSTING_NETWORK, "suspect"),
        (8075, Reason.HOSTED_DESKTOP, "suspect"),
    ],
)
def test_networks_that_are_no_peoples(asn: int, reason: Reason, verdict: str) -> None:
    made = JUDGE(seen(asn=asn))
    assert (made["verdict"][0], made["reasons"][0]) == (verdict, (reason,))


@pytest.mark.parametrize("asn", [0, 3320, 7018, 22616, 62044, 53813, 36183, 13335, 54113])
def test_peoples_networks_web_gateways_and_private_relay(asn: int) -> None:
    assert reasons(asn) == ()
    assert asn not in watched_systems()


def test_what_does_not_look_like_a_browser_is_no_desktop() -> None:
    assert reasons(8075, "SkyAgent/1.0") == (Reason.HOSTING_NETWORK,)
    assert reasons(24940, "SkyAgent/1.0") == (Reason.HOSTING_NETWORK,)
    assert not is_browser("")


def test_rows_are_told_apart() -> None:
    columns: Columns = {"asn": [8075, 15324, 8075, 1], "user_agent": ["x", "x", BROWSER, BROWSER]}
    found = [reasons_of(bits) for bits in LAYER(columns).tolist()]
    assert found == [(Reason.HOSTING_NETWORK,), (Reason.SCANNER_NETWORK,), (Reason.HOSTED_DESKTOP,), ()]
    assert LAYER({"asn": [], "user_agent": []}).dtype == np.int64


def test_no_network_stands_in_two_tables(tmp_path: Path) -> None:
    rules = tmp_path / "networks.toml"
    rules.write_text('[scanner_network]\n22616 = "X"\n[people]\n22616 = "Zscaler"\n')
    with pytest.raises(ValueError, match="22616 stand in two tables"):
        read_networks(rules)
    assert len(read_networks()) > 90
