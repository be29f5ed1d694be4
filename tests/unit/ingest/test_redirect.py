"""The hot route as an ASGI endpoint: statuses, headers, and what is and is not an event.

The outbox is a real one whose broker does not answer: what it takes stays in it, and its numbers tell how many.
"""

from typing import Any

import msgspec
import pytest

from ingest import metrics
from ingest.capture import capture
from ingest.events import RawClick
from ingest.links import Link, link_id, link_key
from ingest.linkstore import LinkStore
from ingest.producer import Outbox
from ingest.redirect import Redirect
from ingest.salts import Salts
from ingest.settings import IngestSettings

NO_BROKER = "127.0.0.1:1"


class Asked:
    """A redirector's hot route, and how to ask it."""

    def __init__(self, *, ready: bool = True, **given: Any) -> None:
        settings = IngestSettings(kafka=NO_BROKER, **given)
        self.links = LinkStore(settings.default_domain)
        self.outbox = Outbox(settings)
        self.redirect = Redirect(settings, self.links, Salts(settings.zone()), self.outbox, lambda: ready)

    def add(self, slug: str, domain: str = "localhost", **fields: Any) -> None:
        facts = {"destination": "https://example.com/?a=0"} | fields
        link = Link(id=link_id(domain, slug), domain=domain, slug=slug, version=1, **facts)
        self.links.read(link_key(domain, slug), msgspec.json.encode(link))

    async def ask(
        self, path: str, method: str = "GET", headers: dict[bytes, bytes] | None = None, query: bytes = b""
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        messages: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            messages.append(message)

        async def receive() -> Any:
            raise AssertionError("the hot route reads no body")

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": list((headers or {b"host": b"localhost"}).items()),
            "client": ("127.0.0.1", 4711),
        }
        await self.redirect(scope, receive, send)
        start, body = messages
        names = [name for name, _ in start["headers"]]
        assert len(names) == len(set(names)), "a header is there twice"
        return start["status"], dict(start["headers"]), body["body"]

    @property
    def events(self) -> int:
        return self.outbox.upcoming.seq - 1


@pytest.fixture
def asked() -> Asked:
    return Asked()


async def test_a_link_redirects_and_is_an_event(asked: Asked) -> None:
    asked.add("a")
    status, headers, body = await asked.ask("/a", query=b"b=1&w_pos=2")
    assert (status, body) == (302, b"")
    assert headers == {
        b"location": b"https://example.com/?a=0&b=1",
        b"content-length": b"0",
        b"cache-control": b"private, no-store",
        b"x-robots-tag": b"noindex",
    }
    assert asked.events == 1


async def test_head_is_answered_alike_and_is_no_event(asked: Asked) -> None:
    asked.add("a")
    assert await asked.ask("/a", "HEAD") == await asked.ask("/a")
    assert asked.events == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
async def test_other_methods_are_not_allowed(asked: Asked, method: str) -> None:
    asked.add("a")
    status, headers, _ = await asked.ask("/a", method)
    assert (status, headers[b"allow"]) == (405, b"GET, HEAD")
    assert asked.events == 0


async def test_what_leads_nowhere_looks_alike(asked: Asked) -> None:
    asked.add("off", enabled=False)
    asked.add("early", starts_at=4_000_000_000_000)
    paths = ("/none", "/off", "/early", "/", "/s/payload.mac", "//evil.example", "/a" + "x" * 3000)
    answers = [await asked.ask(path) for path in paths]
    assert answers == [answers[0]] * len(paths)
    assert answers[0][0] == 404
    assert asked.events == len(paths)


async def test_an_expired_link_is_gone_or_leads_on(asked: Asked) -> None:
    asked.add("gone", expires_at=1)
    asked.add("on", expires_at=1, expired_url="https://late.example/")
    assert (await asked.ask("/gone"))[0] == 410
    status, headers, _ = await asked.ask("/on")
    assert (status, headers[b"location"]) == (302, b"https://late.example/")


@pytest.mark.parametrize(
    ("path", "status"), [("/favicon.ico", 404), ("/robots.txt", 200), ("/.well-known/x", 404), ("/.well-known", 404)]
)
async def test_what_is_asked_of_every_host_is_no_event(asked: Asked, path: str, status: int) -> None:
    found, headers, _ = await asked.ask(path)
    assert (found, headers[b"cache-control"]) == (status, b"public, max-age=86400")
    assert asked.events == 0


async def test_the_referrer_policy_is_the_link_s(asked: Asked) -> None:
    asked.add("a", referrer_policy="no-referrer", status=301)
    status, headers, _ = await asked.ask("/a")
    assert (status, headers[b"referrer-policy"], headers[b"cache-control"]) == (
        301,
        b"no-referrer",
        b"private, no-store",
    )


async def test_a_host_of_its_own_has_links_of_its_own(asked: Asked) -> None:
    asked.add("a")
    asked.add("a", domain="go.example", destination="https://go.example.com/")
    for host, location in [
        (b"go.example", b"https://go.example.com/"),
        (b"Go.Example:80", b"https://go.example.com/"),
        (b"unknown.example", b"https://example.com/?a=0"),
        (b"\xff\r\n", b"https://example.com/?a=0"),
    ]:
        assert (await asked.ask("/a", headers={b"host": host}))[1][b"location"] == location
    assert (await asked.ask("/a", headers={b"accept": b"*/*"}))[1][b"location"] == b"https://example.com/?a=0"


async def test_the_click_id_is_shown_only_if_asked_for() -> None:
    asked = Asked(show_click_id=True)
    asked.add("a")
    shown = [(await asked.ask(path))[1][b"x-click-id"] for path in ("/a", "/none")]
    assert len(set(shown)) == 2
    assert b"x-click-id" not in (await asked.ask("/a", "HEAD"))[1]


async def test_before_the_links_are_read_an_unknown_one_is_not_denied() -> None:
    asked = Asked(ready=False)
    asked.add("a")
    assert (await asked.ask("/a"))[0] == 302
    status, headers, _ = await asked.ask("/b")
    assert (status, headers[b"retry-after"]) == (503, b"1")
    assert asked.events == 1


async def test_a_full_queue_does_not_stop_redirects() -> None:
    asked = Asked(redirector_queue=1)
    asked.add("a")
    before = metrics.NOT_ACCEPTED.counts["queue_full",]
    answers = [await asked.ask("/a") for _ in range(3)]
    assert [status for status, _, _ in answers] == [302, 302, 302]
    assert asked.events == 1
    assert metrics.NOT_ACCEPTED.counts["queue_full",] - before == 2


@pytest.mark.parametrize("honoured", [True, False])
async def test_an_objection_counts_where_it_is_honoured(honoured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[RawClick] = []

    def kept(*parts: Any) -> RawClick:
        made.append(capture(*parts))
        return made[-1]

    monkeypatch.setattr("ingest.redirect.capture", kept)
    await Asked(honour_opt_out=honoured).ask("/x", headers={b"host": b"localhost", b"sec-gpc": b"1"})
    assert (made[0].opted_out, made[0].visitor_id == "") == (honoured, honoured)


async def test_an_event_that_can_t_be_made_does_not_stop_the_redirect(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> RawClick:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("ingest.redirect.capture", broken)
    asked.add("a")
    before = metrics.NOT_ACCEPTED.counts["capture_failed",]
    assert (await asked.ask("/a"))[0] == 302
    assert metrics.NOT_ACCEPTED.counts["capture_failed",] - before == 1
