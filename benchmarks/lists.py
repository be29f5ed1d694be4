"""Public lists of user agents that others wrote: fetched once as packages (`quality.toml`), and read."""

import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import crawleruseragents
import yaml

from benchmarks.ground import Tell
from deploy.packages import Package, PullError, fetch, fields_of, unpack
from streams.enrich.device import Device

SOURCES = Path(__file__).with_name("quality.toml")

CRAWLERS, MATOMO, CRAWLERDETECT = "crawler-user-agents", "matomo", "crawlerdetect"
WOOTHEE, RANDOM, VISITS, SHARES = "woothee", "random-useragent", "user-agents", "fake-useragent"


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a list comes from; what a report names."""

    name: str
    package: str
    version: str
    licence: str


class Agents(NamedTuple):
    """What a list says of user agents."""

    bots: frozenset[str]
    people: frozenset[str]
    """Those of browsers on people's devices; empty where the list has none."""


APPS = ("Dalvik/", "CFNetwork/")
"""How Android and Apple's systems sign what an app asks for by itself: no browser, though lists of devices have it."""


def browsers(agents: Iterable[str]) -> frozenset[str]:
    """Those that are not of an app's own requests."""
    return frozenset(agent for agent in agents if not any(app in agent for app in APPS))


class Visit(NamedTuple):
    """One kind of visitor of a weighted list."""

    user_agent: str
    weight: float
    device: str


class Machine(NamedTuple):
    """A device whose class a list knows."""

    user_agent: str
    headers: tuple[tuple[str, str], ...]
    """Client hints that came along, by lower-case name."""
    device: Device


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listing(Package):
    """One entry of `quality.toml`."""

    name: str
    licence: str
    index: str = "npm"

    @property
    def source(self) -> Source:
        """What a report names."""
        return Source(self.name, self.package, self.version, self.licence)


INSTALLED = (
    Source(CRAWLERS, "crawler-user-agents", version("crawler-user-agents"), "MIT"),
    Source(SHARES, "fake-useragent", version("fake-useragent"), "Apache-2.0"),
)
"""The lists that are dependencies of Weir."""


def listings(path: Path = SOURCES) -> Mapping[str, Listing]:
    """The lists to be fetched, by name."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: Listing(name=name, **fields_of(table)) for name, table in tables.items()}


def have(listing: Listing, folder: Path, tell: Tell) -> Path:
    """The folder of a list's files, fetched where it is not there yet. Raises `PullError`."""
    home = folder / f"{listing.name}-{listing.version}"
    if home.exists():
        return home
    tell(f"fetching {listing.package} {listing.version}", 0, 0)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
        work = Path(temporary).absolute()
        (work / "files").mkdir()
        if listing.index == "pypi":
            _unzip(listing, _fetch_wheel(listing, work), work / "files")
        else:
            unpack(listing, fetch(listing, work), work / "files", _Silent())
        shutil.rmtree(home, ignore_errors=True)
        (work / "files").replace(home)
    return home


class _Silent:
    """Progress of lists that are fetched in a second."""

    def step(self, what: str, total: int | None = None) -> None:
        """Nothing to be said."""

    def at(self, done: int) -> None:
        """Nothing to be said."""


def _fetch_wheel(listing: Listing, work: Path) -> Path:
    requirements = work / "requirements.txt"
    requirements.write_text(f"{listing.package}=={listing.version} --hash={listing.integrity}\n")
    order = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    order += ["--only-binary=:all:", "--require-hashes", f"--dest={work}", f"--requirement={requirements}"]
    done = subprocess.run(order, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        said = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        raise PullError(
            f"pip could not fetch {listing.package} {listing.version}:\n" + "\n".join(said[:4]) + "\n"
            "Check the network, a proxy (HTTPS_PROXY) and the index (`pip config list`), and run it again."
        )
    return next(work.glob("*.whl"))


def _unzip(listing: Listing, wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        wanted = (*listing.files, *listing.licences)
        archive.extractall(target, [name for name in archive.namelist() if name.startswith(wanted)])


def crawlers() -> Agents:
    """The instances that the package crawler-user-agents shows for its patterns."""
    listed = crawleruseragents.CRAWLER_USER_AGENTS_DATA
    return Agents(frozenset(agent for crawler in listed for agent in crawler["instances"]), frozenset())


MATOMO_CLASSES = {
    "smartphone": Device.MOBILE,
    "phablet": Device.MOBILE,
    "feature phone": Device.MOBILE,
    "tablet": Device.TABLET,
    "desktop": Device.DESKTOP,
    "tv": Device.TV,
    "console": Device.CONSOLE,
    "wearable": Device.WEARABLE,
    "car browser": Device.CAR,
}
"""Matomo's kinds of devices that Weir has classes for (it has cameras, loudspeakers and others as well)."""


@cache
def _matomo(home: Path) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Every case with the name of its file."""
    paths = sorted((home / "device_detector/tests/fixtures/upstream").glob("*.yml"))
    return tuple((path.stem, case) for path in paths for case in yaml.load(path.read_text(), yaml.CSafeLoader))


def matomo_machines(home: Path) -> frozenset[Machine]:
    """The browsers of devices by their class; apps and programs are left out, as they follow no links."""
    return frozenset(
        Machine(
            str(case["user_agent"]),
            tuple(sorted((name.lower(), str(value)) for name, value in case.get("headers", {}).items())),
            MATOMO_CLASSES[case["device"]["type"]],
        )
        for name, case in _matomo(home)
        if name != "bots"
        and (case.get("client") or {}).get("type") == "browser"
        and (case.get("device") or {}).get("type") in MATOMO_CLASSES
    )


def matomo(home: Path) -> Agents:
    """The agents that Matomo's Device Detector is tested with."""
    bots = frozenset(str(case["user_agent"]) for name, case in _matomo(home) if name == "bots")
    return Agents(bots, browsers(machine.user_agent for machine in matomo_machines(home)) - bots)


def crawlerdetect(home: Path) -> Agents:
    """The crawlers and devices that CrawlerDetect is tested with, a line each."""
    folder = home / "test/lib/database"
    bots, people = (
        frozenset(line.strip() for line in (folder / name).read_text(encoding="utf-8").splitlines() if line.strip())
        for name in ("crawlers.txt", "devices.txt")
    )
    return Agents(bots, browsers(people) - bots)


WOOTHEE_PEOPLE = {"pc", "smartphone", "mobilephone", "appliance"}


def woothee(home: Path) -> Agents:
    """Woothee's test sets."""
    paths = sorted((home / "woothee/testsets").glob("*.yaml"))
    cases = [case for path in paths for case in yaml.safe_load(path.read_text(encoding="utf-8"))]
    return Agents(
        frozenset(str(case["target"]) for case in cases if case["category"] == "crawler"),
        browsers(str(case["target"]) for case in cases if case["category"] in WOOTHEE_PEOPLE),
    )


RANDOM_BOTS = {
    "/Spiders - Search",
    "/Miscellaneous/Bots - Spiders",
    "/Miscellaneous/Validators",
    "/Miscellaneous/Libraries",
    "/Miscellaneous/Downloaders",
    "/Miscellaneous/Feed Readers",
}


def random_useragent(home: Path) -> Agents:
    """The list of random-useragent, by its folders; `Miscellaneous` and services are neither."""
    listed = json.loads((home / "useragent-data.json").read_text(encoding="utf-8"))
    return Agents(
        frozenset(one["userAgent"] for one in listed if one["folder"] in RANDOM_BOTS),
        browsers(one["userAgent"] for one in listed if one["folder"].startswith(("/Browsers", "/Mobile Devices/"))),
    )


READERS: Mapping[str, Callable[[Path], Agents]] = {
    MATOMO: matomo,
    CRAWLERDETECT: crawlerdetect,
    WOOTHEE: woothee,
    RANDOM: random_useragent,
}
"""How the lists with bots are read."""


def visits(home: Path) -> list[Visit]:
    """Real traffic, weighted, of the package user-agents."""
    listed = json.loads((home / "dist/user-agents.json").read_text(encoding="utf-8"))
    return [Visit(one["userAgent"], one["weight"], one["deviceCategory"]) for one in listed]


def shares() -> list[Visit]:
    """Real traffic, weighted, of the package fake-useragent."""
    lines = files("fake_useragent").joinpath("data/browsers.jsonl").read_text(encoding="utf-8").splitlines()
    return [Visit(one["useragent"], one["percent"], one["type"]) for one in map(json.loads, lines)]
