"""`weir bench quality` with the real npm and pip, against small registries of packages on this machine."""

import base64
import hashlib
import io
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from benchmarks.lists import listings
from deploy.commands.bench import command
from tests.unit.deploy.test_geodata import pack

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed; the lists come by it")

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"
WHEEL = "device_detector-1.0-py3-none-any.whl"
FIXTURES = "device_detector/tests/fixtures/upstream"


class Registries(ThreadingHTTPServer):
    """npm's registry and Python's index, with a file for each path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, tuple[str, bytes]] = {}
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Registries

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        kind, body = self.server.files.get(self.path, ("", b""))
        if not kind:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def log_message(self, *_: object) -> None:
        """The tests need no log."""


@pytest.fixture
def registries() -> Iterator[Registries]:
    with Registries() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def wheel() -> bytes:
    """A package of Python's with Matomo's test agents."""
    bots = [
        {"user_agent": "examplebot/1.0"},
        {"user_agent": "Mozilla/5.0 (compatible; Example/2; +http://example.org)"},
    ]
    machine = {"user_agent": BROWSER, "client": {"type": "browser"}, "device": {"type": "desktop"}}
    files = {
        f"{FIXTURES}/bots.yml": yaml.safe_dump(bots),
        f"{FIXTURES}/desktop.yml": yaml.safe_dump([machine]),
        "device_detector/__init__.py": "",
        "device_detector-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: device_detector\nVersion: 1.0\n",
        "device_detector-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "device_detector-1.0.dist-info/RECORD": "",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def publish(registries: Registries, tmp_path: Path, package: str, files: Mapping[str, bytes]) -> str:
    """Put a package of npm's on its registry; returns its checksum."""
    about = json.dumps({"name": package, "version": "1.0.0"}).encode()
    tarball = pack(tmp_path / f"{package}.tgz", {"package.json": about, "LICENSE": b"Be kind.", **files}).read_bytes()
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    dist = {"tarball": f"{registries.address}/{package}.tgz", "integrity": integrity}
    version = {"name": package, "version": "1.0.0", "dist": dist}
    document = {"name": package, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    registries.files[f"/{package}"] = ("application/json", json.dumps(document).encode())
    registries.files[f"/{package}.tgz"] = ("application/octet-stream", tarball)
    return integrity


@pytest.fixture
def lists(tmp_path: Path, registries: Registries, monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark asks for three small lists, at registries on this machine."""
    visits = [{"userAgent": BROWSER, "weight": 1.0, "deviceCategory": "desktop"}]
    device = publish(registries, tmp_path, "user-agents", {"dist/user-agents.json": json.dumps(visits).encode()})
    cases = [{"target": "example crawler", "category": "crawler"}, {"target": BROWSER, "category": "pc"}]
    woothee = publish(registries, tmp_path, "woothee", {"woothee/testsets/all.yaml": yaml.safe_dump(cases).encode()})
    made = wheel()
    digest = hashlib.sha256(made).hexdigest()
    page = f'<a href="{registries.address}/{WHEEL}#sha256={digest}">{WHEEL}</a>'
    registries.files["/simple/device-detector/"] = ("text/html", page.encode())
    registries.files[f"/{WHEEL}"] = ("application/octet-stream", made)
    rules = tmp_path / "quality.toml"
    rules.write_text(
        _entry("matomo", "device_detector", f"sha256:{digest}", FIXTURES)
        + _entry("woothee", "woothee", woothee, "woothee/testsets/all.yaml")
        + _entry("user-agents", "user-agents", device, "dist/user-agents.json")
    )
    monkeypatch.setattr("benchmarks.quality.listings", lambda: listings(rules))
    monkeypatch.setenv("npm_config_registry", registries.address)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("PIP_INDEX_URL", f"{registries.address}/simple/")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")


def _entry(name: str, package: str, integrity: str, file: str) -> str:
    index, version, licences = ("npm", "1.0.0", '"LICENSE"') if integrity.startswith("sha512") else ("pypi", "1.0", "")
    return (
        f'[{name}]\nindex = "{index}"\npackage = "{package}"\nversion = "{version}"\nintegrity = "{integrity}"\n'
        f'files = ["{file}"]\nlicences = [{licences}]\nlicence = "MIT"\n'
    )


def bench(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["quality", "--data", str(tmp_path / "bench"), *arguments])


@pytest.mark.usefixtures("lists")
def test_the_lists_are_fetched_once_and_judged(
    tmp_path: Path, registries: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.verdicts.RECALL", 0.5)  # two lists so small speak for hardly a pattern
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- quality -->\nold\n<!-- /quality -->\nafter\n")
    ran = bench(tmp_path, "--json", "--save", str(page))
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.stdout)
    assert [(one["name"], one["bots"]) for one in report["lists"]][1:] == [("matomo", 2), ("woothee", 1)]
    assert report["met"]
    assert [one["recall"] for one in report["lists"]][1:] == [1.0, 1.0]
    assert [one["name"] for one in report["traffic"]] == ["user-agents", "fake-useragent"]
    assert page.read_text().startswith("before\n<!-- quality -->\n\n### Bots, each list judged")
    asked = len(registries.asked)
    again = bench(tmp_path)
    assert again.exit_code == 0, again.output
    assert len(registries.asked) == asked


@pytest.mark.usefixtures("lists")
def test_a_bound_that_is_missed_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.verdicts.RECALL", 1.1)
    assert bench(tmp_path).exit_code == 1


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize("package", ["/woothee.tgz", f"/{WHEEL}"])
def test_another_content_than_was_pinned_is_refused(tmp_path: Path, registries: Registries, package: str) -> None:
    kind, body = registries.files[package]
    registries.files[package] = (kind, body + b"\0")
    refused = bench(tmp_path)
    assert refused.exit_code == 1
    assert "could not fetch" in refused.output
    assert "Traceback" not in refused.output
    assert not list((tmp_path / "bench" / "lists").glob(f"*{package.strip('/').split('-')[0].split('.')[0]}*"))
