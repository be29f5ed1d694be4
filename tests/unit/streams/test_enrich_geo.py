"""Geo on small databases that the tests write: MaxMind's layout and the flat one, asked through the same adapter."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from structlog.testing import capture_logs

from streams.enrich.geo import NOWHERE, Geo, Location, locate
from streams.enrich.mmdb import Databases, Place, System, open_database
from tests.unit.streams.clicks import click, columns

LONDON = {
    "city": {"names": {"en": "London", "de": "London"}},
    "country": {"iso_code": "GB", "names": {"en": "United Kingdom"}},
    "subdivisions": [{"iso_code": "ENG", "names": {"en": "England"}}],
}
AMSTERDAM = {"city": "Amsterdam (Centrum)", "country_code": "NL", "state1": "North Holland", "state2": ""}
EXAMPLE_NET = {"autonomous_system_number": 64_500, "autonomous_system_organization": "Example Net"}


def write(path: Path, kind: str, networks: Mapping[str, Any], ip_version: int = 6) -> Path:
    """An MMDB file with a record a network, put in place whole, as `weir data pull` does."""
    writer = MMDBWriter(ip_version, kind, ipv4_compatible=ip_version == 6)
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(f"{path}.new")
    Path(f"{path}.new").replace(path)
    return path


@pytest.mark.parametrize(
    ("kind", "record", "expected"),
    [
        ("GeoLite2-City", LONDON, ("GB", "England", "London", 0, "")),
        ("GeoIP2-City", {"country": {"iso_code": "FR"}}, ("FR", "", "", 0, "")),
        ("DBIP-City-Lite", LONDON, ("GB", "England", "London", 0, "")),
        ("GeoLite2-Country", LONDON, ("GB", "", "", 0, "")),
        ("GeoLite2-ASN", EXAMPLE_NET, ("", "", "", 64_500, "Example Net")),
        ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", EXAMPLE_NET, ("", "", "", 64_500, "Example Net")),
        ("city ipvAll", AMSTERDAM, ("NL", "North Holland", "Amsterdam", 0, "")),
        ("country ipvAll", {"country_code": "DE"}, ("DE", "", "", 0, "")),
        ("asn", EXAMPLE_NET, ("", "", "", 64_500, "Example Net")),
        ("asn", {}, NOWHERE),
    ],
)
def test_both_layouts_are_read(tmp_path: Path, kind: str, record: Any, expected: tuple[object, ...]) -> None:
    write(tmp_path / "a.mmdb", kind, {"81.2.69.0/24": record, "2001:db8::/32": record})
    databases = Databases(tmp_path)
    assert locate("81.2.69.0/24", databases) == expected
    assert locate("2001:db8:7::/48", databases) == expected
    assert locate("198.51.100.0/24", databases) == NOWHERE


@pytest.mark.parametrize("network", ["", "/", "nonsense", "999.1.1.0/24", "81.2.69.0", "::ffff:81.2.69.0/120"])
def test_any_network_is_taken(tmp_path: Path, network: str) -> None:
    write(tmp_path / "a.mmdb", "country", {"81.2.69.0/24": {"country_code": "GB"}})
    assert locate(network, Databases(tmp_path)).country in ("", "GB")


def test_one_file_for_each_family(tmp_path: Path) -> None:
    write(tmp_path / "four.mmdb", "city ipv4", {"81.2.69.0/24": AMSTERDAM}, ip_version=4)
    write(tmp_path / "six.mmdb", "city ipv6", {"2001:db8::/32": {"city": "Köln", "country_code": "DE"}})
    databases = Databases(tmp_path)
    assert databases.place("81.2.69.0").city == "Amsterdam"
    assert databases.place("2001:db8::").city == "Köln"


def test_the_most_detailed_database_that_knows_is_asked(tmp_path: Path) -> None:
    write(tmp_path / "a-country.mmdb", "country", {"0.0.0.0/0": {"country_code": "US"}})
    write(tmp_path / "b-flat.mmdb", "city ipv4", {"81.2.0.0/16": AMSTERDAM}, ip_version=4)
    write(tmp_path / "c-bought.mmdb", "GeoIP2-City", {"81.2.69.0/24": LONDON})
    databases = Databases(tmp_path)
    assert databases.names == ("c-bought.mmdb", "b-flat.mmdb", "a-country.mmdb")
    assert databases.place("81.2.69.0").country == "GB"
    assert databases.place("81.2.1.0").country == "NL"
    assert databases.place("9.9.9.0") == Place("US")
    assert databases.system("9.9.9.0") == System()


@pytest.mark.parametrize("directory", [None, Path("nowhere")])
def test_no_database_is_a_warning_and_no_failure(directory: Path | None) -> None:
    with capture_logs() as logs:
        databases = Databases(directory)
    assert [(log["event"], log["log_level"], log["fix"]) for log in logs] == [
        ("geo.no_database", "warning", "weir data pull")
    ]
    assert locate("81.2.69.0/24", databases) == NOWHERE


def test_a_file_that_is_none_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "broken.mmdb").write_bytes(b"nothing of the sort")
    write(tmp_path / "other.mmdb", "GeoIP2-Domain", {"81.2.69.0/24": {"domain": "example.com"}})
    write(tmp_path / "good.mmdb", "country", {"81.2.69.0/24": {"country_code": "GB"}})
    with capture_logs() as logs:
        databases = Databases(tmp_path)
    warned = {Path(log["file"]).name for log in logs if log["event"] == "geo.unusable_database"}
    assert warned == {"broken.mmdb", "other.mmdb"}
    assert databases.place("81.2.69.0").country == "GB"


@pytest.mark.parametrize("content", [b"", b"x" * 100])
def test_what_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mmdb").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.mmdb can't be read as a geo database"):
        open_database(tmp_path / "x.mmdb")


class TestReload:
    def answer(self, geo: Geo) -> list[str]:
        geo.refresh()
        return list(geo(columns(click(network="81.2.69.0/24")))["country"])

    def test_a_changed_file_is_taken_into_use(self, tmp_path: Path) -> None:
        write(tmp_path / "a.mmdb", "country", {"81.2.69.0/24": {"country_code": "GB"}})
        geo = Geo(Databases(tmp_path))
        assert self.answer(geo) == ["GB"]
        write(tmp_path / "a.mmdb", "country", {"81.2.69.0/24": {"country_code": "IE"}})
        assert self.answer(geo) == ["IE"]

    def test_a_new_file_and_a_gone_one(self, tmp_path: Path) -> None:
        geo = Geo(Databases(tmp_path))
        assert self.answer(geo) == [""]
        file = write(tmp_path / "a.mmdb", "country", {"81.2.69.0/24": {"country_code": "GB"}})
        assert self.answer(geo) == ["GB"]
        file.unlink()
        assert self.answer(geo) == [""]

    def test_a_file_gone_bad_keeps_its_last_good_state(self, tmp_path: Path) -> None:
        file = write(tmp_path / "a.mmdb", "country", {"81.2.69.0/24": {"country_code": "GB"}})
        geo = Geo(Databases(tmp_path))
        (tmp_path / "bad").write_bytes(b"half a file")
        (tmp_path / "bad").replace(file)
        assert self.answer(geo) == ["GB"]

    def test_without_a_change_nothing_is_opened_again(self, tmp_path: Path) -> None:
        file = write(tmp_path / "a.mmdb", "country", {"81.2.69.0/24": {"country_code": "GB"}})
        databases = Databases(tmp_path)
        assert not databases.refresh()
        os.utime(file, ns=(1, 1))
        assert databases.refresh()


def test_who_opted_out_has_no_city(tmp_path: Path) -> None:
    write(tmp_path / "a.mmdb", "GeoLite2-City", {"81.2.69.0/24": LONDON})
    geo = Geo(Databases(tmp_path))
    made = geo(columns(*(click(network="81.2.69.0/24", opted_out=out) for out in (True, False, True))))
    assert made["city"] == ["", "London", ""]
    assert made["region"] == ["England"] * 3
    assert made["country"] == ["GB"] * 3
    assert tuple(made) == Location._fields
