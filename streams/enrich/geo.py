"""Geo: where a network is, and whose it is."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ingest.events import RawClick
from streams.enrich.enricher import Columns
from streams.enrich.memo import Memo, columns_of
from streams.enrich.mmdb import Databases, Place, System


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

    def __call__(self, clicks: Sequence[RawClick], columns: Columns) -> Columns:  # noqa: ARG002 - the contract's
        """The five columns of every click."""
        made = columns_of(self.columns, self.cache.all([click.network for click in clicks]))
        for i in [i for i, click in enumerate(clicks) if click.opted_out]:
            made["city"][i] = ""
        return made
