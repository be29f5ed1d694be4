"""Whose network a click came from: a table of companies' networks, looked up for each click.

    WEIR_ENRICHERS=docs/examples/company.py:company

Adds the field `company`. The table is `company.csv` beside this file: a network in CIDR notation and a name a line. No
more than an IPv4 /24 or an IPv6 /48 is kept of an address, so a narrower network can't be told.
"""

import csv
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from streams.extension import Added, Click

TABLE = Path(__file__).with_name("company.csv")


def read(table: Path) -> dict[IPv4Network | IPv6Network, str]:
    """Network → company; raises `ValueError` for what is no network: a wrong table refuses the worker's start."""
    with table.open(encoding="utf-8", newline="") as file:
        return {ip_network(network): name for network, name in csv.reader(file)}


COMPANIES = read(TABLE)


@lru_cache(100_000)
def company_of(network: str) -> Added | None:
    """What is known of a network: itself, or the narrowest one around it that is in the table."""
    wanted = ip_network(network)
    while wanted.prefixlen:
        if name := COMPANIES.get(wanted):
            return Added({"company": name})
        wanted = wanted.supernet()
    return None


def company(click: Click) -> Added | None:
    """The field `company`, where the table knows the network."""
    return company_of(click.network) if click.network else None
