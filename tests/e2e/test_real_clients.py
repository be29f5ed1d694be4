"""Real clients follow real redirects: curl, and a browser where there is one (Debian's package `chromium`)."""

import http.server
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.signing import Wish, signed_slug
from ingest.events import Kind, RawClick, decode
from ingest.kafka import CLICKS_RAW, KafkaSettings
from ingest.links import link_id
from ingest.signing_keys import load
from tests.e2e.conftest import DOMAIN, Installation
from tests.integration.test_edge import MALFORMED
from tests.integration.test_redirector import ask_raw, read_all
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

CURL = shutil.which("curl")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Landing(http.server.BaseHTTPRequestHandler):
    """The page that links lead to; its server remembers what it was asked."""

    def do_GET(self) -> None:
        if "favicon" not in self.path:
            self.server.asked.append((self.path, dict(self.headers.items())))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>landed</title>")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """Nobody wants to read it."""


class Site:
    """The site behind the links."""

    def __init__(self) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Landing)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.server.asked = self.asked  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever)
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.1)


def make_link(installation: Installation, slug: str, destination: str, **fields: object) -> str:
    made = installation.ask("POST", "/v1/links", slug=slug, destination=destination, **fields)
    assert made.status_code == 201, made.text
    address = f"{installation.redirector.url}/{slug}"
    until(lambda: b" 302 " in curl("-I", address) or b" 301 " in curl("-I", address), f"{slug} is live")
    return address


def curl(*words: str) -> bytes:
    assert CURL
    return subprocess.run([CURL, "-sS", "--max-time", "30", *words], capture_output=True, check=True).stdout


def signed(installation: Installation, destination: str) -> str:
    wish = Wish(url=destination, domain=DOMAIN, message="m1", recipient="r1", position=3, of=9)
    return f"{installation.redirector.url}/{signed_slug(wish, load(installation.signing_keys)[0])}"


def clicks(kafka: KafkaSettings) -> list[RawClick]:
    """What the redirector said of requests, in the order in which it saw them."""
    events = (decode(record.value) for record in read_all(kafka, CLICKS_RAW))
    return sorted((event for event in events if event.kind in Kind.__members__.values() and event.domain), key=_seq)


def _seq(click: RawClick) -> int:
    return click.seq


@pytest.mark.skipif(CURL is None, reason="needs curl")
def test_clients_follow_and_every_event_is_a_row(
    installation: Installation, kafka: KafkaSettings, warehouse: WarehouseSettings, site: Site, tmp_path: Path
) -> None:
    def ask(request: bytes) -> bytes:
        return ask_raw(installation.redirector.url, request)

    link = make_link(installation, "spring", f"{site.url}/spring?own=%E4&utm_source=own#top")
    moved = make_link(installation, "moved", f"{site.url}/moved", status=301, referrer_policy="no-referrer")
    sent = signed(installation, f"{site.url}/signed?a=1")
    query = "utm_source=News&utm_medium=E-Mail&w_pos=2&w_of=10&x=%2B+"

    for words in ((), ("--http2",), ("--compressed", "--http1.0"), ("--path-as-is", "-e", "https://mail.example/read")):
        assert b"landed" in curl("-L", *words, f"{link}?{query}")
    assert b"landed" in curl("-L", f"{sent}?w_rcpt=forged&b=2")
    assert curl("-L", "-I", link).count(b"HTTP/1.") == 2
    assert b" 405 " in curl("-i", "-d", "x=1", link).splitlines()[0]
    assert b" 404 " in curl("-i", sent + "A").splitlines()[0]
    assert [path for path, _ in site.asked[:5]] == ["/spring?own=%E4&utm_source=News&utm_medium=E-Mail&x=%2B+"] * 4 + [
        "/signed?a=1&b=2"
    ]
    expected = [(Kind.CLICK, "/spring")] * 4 + [(Kind.CLICK, "/s/"), (Kind.ORPHAN, "/s/")]

    if CHROMIUM:
        browse(tmp_path, f"{link}?{query}", sent, moved, moved)
        assert [path for path, _ in site.asked[-4:]] == [
            "/spring?own=%E4&utm_source=News&utm_medium=E-Mail&x=%2B+", "/signed?a=1", "/moved", "/moved",
        ]  # fmt: skip
        expected += [(Kind.CLICK, "/spring"), (Kind.CLICK, "/s/"), (Kind.CLICK, "/moved"), (Kind.CLICK, "/moved")]

    assert not [answer for answer in map(ask, MALFORMED) if answer.startswith(b"HTTP/1.1 5")]
    assert installation.redirector.stop() == 0
    made = clicks(kafka)
    assert len(made) > len(expected) + 5, "some of what is malformed can be read, and is stored"
    assert [(click.kind, click.path) for click in made[: len(expected)]] == expected
    of_signed = made[4]
    assert (of_signed.message, of_signed.recipient, of_signed.position) == ("m1", "r1", 3)
    assert of_signed.link_id == link_id(DOMAIN, f"{site.url}/signed?a=1")
    assert made[3].referrer == "https://mail.example/read"
    if CHROMIUM:
        of_browser = made[6]
        assert "Chromium" in of_browser.hints["brands"]
        assert (of_browser.hints["mobile"], of_browser.hints["platform"]) == ("?0", '"Linux"')
        assert re.search(r"Chrome/\d+", of_browser.user_agent)
        assert of_browser.language.startswith("en")
    with connect(warehouse) as client:
        until(
            lambda: client.command("SELECT countIf(kind IN ('click', 'orphan')) FROM events") == len(made),
            "every event is a row",
        )


def browse(profile: Path, *addresses: str) -> None:
    """A browser goes to each address, and lands."""
    for address in addresses:
        done = subprocess.run(
            [
                str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                f"--user-data-dir={profile}/browser", "--dump-dom", address,
            ],
            capture_output=True, check=True, timeout=90,
        )  # fmt: skip
        assert b"landed" in done.stdout
