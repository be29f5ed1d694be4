"""Networks: whose they are says something of who clicks from there."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from streams.judge.reasons import BIT, Bits, Reason, every_row
from warehouse.columns import Columns, coded

NETWORKS = Path(__file__).with_name("networks.toml")
PEOPLE = "people"
"""The table of the networks that look like others of the file, and are people's."""
HOSTED = BIT[Reason.HOSTED_DESKTOP]
SERVER = BIT[Reason.HOSTING_NETWORK]


def read_networks(rules: Path = NETWORKS) -> Mapping[int, Reason]:
    """Autonomous system → the reason that its clicks have. Raises `ValueError` for one that stands in two tables."""
    tables = tomllib.loads(rules.read_text(encoding="utf-8"))
    numbers = [int(number) for table in tables.values() for number in table]
    if twice := {number for number in numbers if numbers.count(number) > 1}:
        raise ValueError(f"{rules}: {', '.join(map(str, sorted(twice)))} stand in two tables.")
    return {int(number): Reason(name) for name, table in tables.items() if name != PEOPLE for number in table}


def watched_systems(rules: Path = NETWORKS) -> frozenset[int]:
    """The autonomous systems whose networks are watched for bursts: those of the tables, but for people's."""
    return frozenset(read_networks(rules))


def is_browser(user_agent: str) -> bool:
    """Whether a user agent is in the form that all browsers have had for twenty years."""
    return user_agent.startswith("Mozilla/5.0 (")


class NetworkLayer:
    """Reasons by the autonomous system."""

    def __init__(self, rules: Path = NETWORKS) -> None:
        self._bits = {number: BIT[reason] for number, reason in read_networks(rules).items()}

    def __call__(self, columns: Columns) -> Bits:
        """The reasons of every click."""
        found = every_row(coded(columns["asn"]).map(lambda number: self._bits.get(number, 0)))
        hosted = np.flatnonzero(found & HOSTED)
        if len(hosted):  # what does not even look like a browser there is a server like any other
            agents = coded(columns["user_agent"]).picked(hosted).compact()
            found[hosted] = every_row(agents.map(lambda agent: HOSTED if is_browser(agent) else SERVER))
        return found
