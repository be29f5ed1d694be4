"""Geo databases: one adapter over the two layouts that MMDB files come in.

MaxMind's layout (GeoIP2, GeoLite2, DB-IP's own downloads: names in several languages) is read by geoip2. The freely
licensed sets that `weir data pull` brings have flat records, which geoip2's typed calls refuse.
"""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import geoip2.database
import maxminddb
import structlog
from geoip2.errors import AddressNotFoundError

log = structlog.get_logger()


class Place(NamedTuple):
    """What a city or a country database says of an address; empty where it does not know."""

    country: str = ""
    region: str = ""
    city: str = ""


class System(NamedTuple):
    """The autonomous system of an address; 0 and empty where it is not known."""

    asn: int = 0
    as_name: str = ""


Answer = Place | System | None
Ask = Callable[[str], Answer]


class Layout(NamedTuple):
    """How to ask databases whose type contains a word; `rank` orders them, the most detailed first."""

    word: str
    holds: type[Place] | type[System]
    rank: int
    open: Callable[[Path], Ask]


class Database(NamedTuple):
    """One open file."""

    name: str
    layout: Layout
    ask: Ask
    ipv4: bool
    """Whether IPv4 addresses can be in it."""
    ipv6: bool
    """Whether IPv6 addresses can be in it."""


def _city(path: Path) -> Ask:
    reader = geoip2.database.Reader(path)

    def ask(address: str) -> Answer:
        found = reader.city(address)
        region = found.subdivisions[0].name if found.subdivisions else None
        return Place(found.country.iso_code or "", region or "", found.city.name or "")

    return ask


def _country(path: Path) -> Ask:
    reader = geoip2.database.Reader(path)
    return lambda address: Place(reader.country(address).country.iso_code or "")


def _asn(path: Path) -> Ask:
    reader = geoip2.database.Reader(path)

    def ask(address: str) -> Answer:
        found = reader.asn(address)
        return System(found.autonomous_system_number or 0, found.autonomous_system_organization or "")

    return ask


def _flat(made: Callable[[Mapping[str, Any]], Answer]) -> Callable[[Path], Ask]:
    def opened(path: Path) -> Ask:
        reader = maxminddb.open_database(path)

        def ask(address: str) -> Answer:
            record = reader.get(address)
            return made(record) if isinstance(record, dict) else None

        return ask

    return opened


def flat_place(record: Mapping[str, Any]) -> Place:
    """A flat city or country record; the district that DB-IP puts behind a city, `Köln (Innenstadt)`, goes off."""
    city = str(record.get("city") or "").partition(" (")[0]
    return Place(str(record.get("country_code") or ""), str(record.get("state1") or ""), city)


def flat_system(record: Mapping[str, Any]) -> System:
    """A flat network record."""
    number = record.get("autonomous_system_number") or 0
    return System(int(number), str(record.get("autonomous_system_organization") or ""))


LAYOUTS = (
    Layout("City", Place, 0, _city),
    Layout("city", Place, 1, _flat(flat_place)),
    Layout("Country", Place, 2, _country),
    Layout("country", Place, 3, _flat(flat_place)),
    Layout("GeoLite2-ASN", System, 0, _asn),
    Layout("asn", System, 1, _flat(flat_system)),
)
"""By a word in the database's type: MaxMind's are capitalised, the flat sets' are not. An own licence goes first."""


def open_database(path: Path) -> Database:
    """The database in a file; raises `ValueError` where it is none, or none that Weir can use."""
    try:
        with maxminddb.open_database(path) as reader:
            metadata = reader.metadata()
        layout = next((layout for layout in LAYOUTS if layout.word in metadata.database_type), None)
        if layout is None:
            raise ValueError(f"{path} is a database of another kind ({metadata.database_type})")
        ask = layout.open(path)
    except (maxminddb.InvalidDatabaseError, OSError) as error:
        raise ValueError(f"{path} can't be read as a geo database: {error}") from error
    return Database(
        path.name,
        layout,
        ask,
        ipv4=not metadata.database_type.endswith("ipv6"),
        ipv6=metadata.ip_version == 6,
    )


Stamp = tuple[int, int, int]
"""Inode, time of change and size: another stamp, another content."""


class Databases:
    """The geo databases of a directory, read again when their files change.

    Files that can't be used are left out with a warning; a file that went bad keeps its last good state.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._stamps: dict[Path, Stamp] = {}
        self._open: dict[Path, Database] = {}
        self._ordered: list[Database] = []
        self.refresh()
        if not self._open:
            log.warning(
                "geo.no_database", directory=str(directory), effect="no country, city or network", fix="weir data pull"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Files in use, in the order in which they are asked."""
        return tuple(database.name for database in self._ordered)

    def refresh(self) -> bool:
        """Open what is new or changed, drop what is gone; True if answers may be others now."""
        stamps = self._look()
        changed = [path for path, stamp in stamps.items() if self._stamps.get(path) != stamp]
        gone = self._open.keys() - stamps.keys()
        self._stamps = stamps
        for path in gone:
            del self._open[path]
        opened = [self._reopen(path) for path in changed]
        self._ordered = sorted(self._open.values(), key=lambda database: (database.layout.rank, database.name))
        return bool(gone) or any(opened)

    def place(self, address: str) -> Place:
        """Country, region and city of an address, from the most detailed database that knows it."""
        found = self._first(Place, address)
        return found if isinstance(found, Place) else Place()

    def system(self, address: str) -> System:
        """Autonomous system of an address."""
        found = self._first(System, address)
        return found if isinstance(found, System) else System()

    def _first(self, holds: type[Place] | type[System], address: str) -> Answer:
        for database in self._ordered:
            if database.layout.holds is holds and (database.ipv6 if ":" in address else database.ipv4):
                try:
                    found = database.ask(address)
                    if found is not None and any(found):
                        return found
                except (AddressNotFoundError, ValueError):
                    continue
        return None

    def _look(self) -> dict[Path, Stamp]:
        found: dict[Path, Stamp] = {}
        for path in self._directory.glob("*.mmdb") if self._directory else ():
            with contextlib.suppress(OSError):  # gone since the listing
                stat = path.stat()
                found[path] = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        return found

    def _reopen(self, path: Path) -> bool:
        try:
            self._open[path] = open_database(path)
        except ValueError as error:
            log.warning("geo.unusable_database", file=str(path), error=str(error), kept=path in self._open)
            return False
        log.info("geo.database", file=path.name, kind=self._open[path].layout.word)
        return True
