"""Geo: where a network is, and whose it is."""

from operator import attrgetter
from typing import NamedTuple, Protocol

import numpy as np

from streams.enrich.memo import Memo
from streams.enrich.mmdb import Databases, Place, System
from warehouse.columns import Coded, Columns, coded, spread


class Lookup(Protocol):
    """What is asked for an address."""

    def place(self, address: str) -> Place:
        """Country, region and city."""

    def system(self, address: str) -> System:
        """Autonomous system."""


class Location(NamedTuple):
    """What is known of one network; empty and 0 where nothing is."""

    country: str
    region: str
    city: str
    asn: int
    as_name: str


NOWHERE = Location("", "", "", 0, "")


def locate(network: str, lookup: Lookup) -> Location:
    """The location of a network in CIDR notation, by its first address: all that is kept of the client's."""
    address = network.partition("/")[0]
    if not address:
        return NOWHERE
    return Location(*lookup.place(address), *lookup.system(address))


class Geo:
    """Country, region, city and autonomous system from the network; no city for a visitor who opted out."""

    columns: tuple[str, ...] = Location._fields

    def __init__(self, databases: Databases, cache_size: int = 100_000) -> None:
        self._databases = databases
        self.cache: Memo[str, Location] = Memo(lambda network: locate(network, databases), cache_size)

    def refresh(self) -> None:
        """Take changed databases into use; call it between batches, a directory listing is all that it costs."""
        if self._databases.refresh():
            self.cache.forget()

    def systems(self, columns: Columns) -> Coded[int]:
        """`asn` alone, as the call will make it."""
        return self.cache.of(coded(columns["network"])).map(attrgetter("asn"))

    def __call__(self, columns: Columns) -> Columns:
        """The five columns of every click."""
        made = spread(self.columns, self.cache.of(coded(columns["network"])))
        opted_out = np.asarray(columns["opted_out"], np.bool_)
        return {**made, "city": coded(made["city"]).at(opted_out, "")} if opted_out.any() else made
