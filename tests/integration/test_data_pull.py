"""`weir data pull` with the real npm, against a small registry of packages on this machine."""

import base64
import hashlib
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy import geodata
from deploy.commands.data import command
from streams.enrich.mmdb import Databases, Place
from tests.unit.deploy.test_geodata import country_database, pack

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed; `weir data pull` needs it")

PACKAGE = "@example/country"


class Registry(ThreadingHTTPServer):
    """Serves one package, in the two requests that npm makes."""

    def __init__(self, tarball: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tarball = tarball
        self.integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        if self.path.endswith(".tgz"):
            return self.answer(self.server.tarball, "application/octet-stream")
        if self.path.lower() == "/@example%2fcountry":
            dist = {"tarball": f"{self.server.address}/country-1.0.0.tgz", "integrity": self.server.integrity}
            version = {"name": PACKAGE, "version": "1.0.0", "dist": dist}
            about = {"name": PACKAGE, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
            return self.answer(json.dumps(about).encode(), "application/json")
        return self.send_error(404)

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The tests need no log."""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    package = pack(
        tmp_path / "p.tgz",
        {
            "package.json": json.dumps({"name": PACKAGE, "version": "1.0.0"}).encode(),
            "country.mmdb": country_database(tmp_path),
            "TERMS": b"Be kind.",
        },
    )
    with Registry(package.read_bytes()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def geo(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The geo folder; npm and the list of sets point to the small registry."""
    rules = tmp_path / "sets.toml"
    rules.write_text(
        f"""
        [country]
        package = "{PACKAGE}"
        version = "1.0.0"
        published = "2026-06-17"
        integrity = "{registry.integrity}"
        megabytes = 1
        holds = "Countries"
        files = ["country.mmdb"]
        databases = ["country.mmdb"]
        licences = ["TERMS"]
        licence = "CC BY 4.0"
        attribution = "Example (https://example.org)"
        """
    )
    sets = geodata.read_sets(rules)
    monkeypatch.setattr("deploy.commands.data.read_sets", lambda: sets)
    monkeypatch.setenv("npm_config_registry", registry.address)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("WEIR_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "geo"


def pull(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["pull", *arguments])


def test_a_set_is_fetched_once(geo: Path) -> None:
    first = json.loads(pull("--json").stdout)
    assert [(one["name"], one["fetched"]) for one in first["sets"]] == [("country", True)]
    assert Databases(geo).place("81.2.69.0") == Place("GB")
    assert "Be kind." in (geo / "LICENCE-country.txt").read_text()
    assert sorted(path.name for path in geo.iterdir()) == ["LICENCE-country.txt", "country.json", "country.mmdb"]
    again = pull()
    assert "is there already" in again.output
    assert "Example (https://example.org)" in again.output


def test_another_content_than_was_pinned_is_refused(geo: Path, registry: Registry) -> None:
    registry.tarball += b"\0"
    registry.integrity = "sha512-" + base64.b64encode(hashlib.sha512(registry.tarball).digest()).decode()
    refused = pull()
    assert refused.exit_code == 1
    assert "is not what was published" in refused.output
    assert list(geo.iterdir()) == []


def test_a_registry_that_does_not_answer(geo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{silent.getsockname()[1]}")
        refused = pull()
    assert refused.exit_code == 1
    assert "npm could not fetch @example/country@1.0.0" in refused.output
    assert "Traceback" not in refused.output
