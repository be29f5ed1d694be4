"""The hot route as an ASGI endpoint: statuses, headers, and what is and is not an event.

The outbox is a real one whose broker does not answer: what it takes stays in it, and its numbers tell how many.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from ingest import metrics
from ingest.capture import capture
from ingest.events import Kind, RawClick
from ingest.links import Link, link_id, link_key
from ingest.linkstore import LinkStore
from ingest.outbox import Outbox
from ingest.redirect import Redirect
from ingest.salts import Salts
from ingest.settings import IngestSettings
from ingest.signed import SignedLink, sign
from ingest.signing_keys import SigningKeys, State
from ingest.spool import Slot
from tests.unit.ingest.signing import SECRETS, key, signed_by_hand, write_keys

NO_BROKER = "127.0.0.1:1"


class Asked:
    """A redirector's hot route, and how to ask it."""

    def __init__(self, slot: Slot, *, ready: bool = True, **given: Any) -> None:
        settings = IngestSettings(kafka=NO_BROKER, **given)
        self.links = LinkStore(settings.default_domain)
        self.outbox = Outbox(settings, slot, segment_bytes=1 << 16)
        self.keys = SigningKeys(settings.signing_keys)
        self.redirect = Redirect(
            settings, self.links, Salts(settings.zone()), self.outbox, keys=self.keys, ready=lambda: ready
        )

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
            "http_version": "1.1",
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
def asked(slot: Slot) -> Asked:
    return Asked(slot)


async def test_a_link_redirects_and_is_an_event(asked: Asked) -> None:
    asked.add("a")
    status, headers, body = await asked.ask("/a", query=b"b=1&w_pos=2")
    assert (status, body) == (302, b"")
    assert headers == {
        b"location": b"https://example.com/?a=0&b=1",
        b"content-length": b"0",
        b"cache-control": b"private, no-store",
        b"x-robots-tag": b"noindex",
        b"x-content-type-options": b"nosniff",
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


NOWHERE = ("/none", "/off", "/early", "/", "/s/payload.mac", "/s/", "//evil.example", "/a" + "x" * 3000)


async def test_what_leads_nowhere_looks_alike(asked: Asked) -> None:
    asked.add("off", enabled=False)
    asked.add("early", starts_at=4_000_000_000_000)
    answers = [await asked.ask(path) for path in NOWHERE]
    assert answers == [answers[0]] * len(NOWHERE)
    assert answers[0][0] == 404
    assert asked.events == len(NOWHERE)
    assert [await asked.ask(path, "HEAD") for path in NOWHERE] == answers


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


async def test_the_click_id_is_shown_only_if_asked_for(slot: Slot) -> None:
    asked = Asked(slot, show_click_id=True)
    asked.add("a")
    shown = [(await asked.ask(path))[1][b"x-click-id"] for path in ("/a", "/none")]
    assert len(set(shown)) == 2
    assert b"x-click-id" not in (await asked.ask("/a", "HEAD"))[1]


async def test_before_the_links_are_read_an_unknown_one_is_not_denied(slot: Slot) -> None:
    asked = Asked(slot, ready=False)
    asked.add("a")
    assert (await asked.ask("/a"))[0] == 302
    status, headers, _ = await asked.ask("/b")
    assert (status, headers[b"retry-after"]) == (503, b"1")
    assert asked.events == 1


async def test_a_disk_that_is_away_does_not_stop_redirects(slot: Slot) -> None:
    (slot.path / "lock").unlink()
    slot.path.rmdir()
    asked = Asked(slot, show_click_id=True)
    asked.add("a")
    before = metrics.NOT_ACCEPTED.counts["disk",]
    answers = [await asked.ask("/a") for _ in range(3)]
    assert [status for status, _, _ in answers] == [302, 302, 302]
    assert not any(b"x-click-id" in headers for _, headers, _ in answers), "what will not be counted is not promised"
    assert asked.events == 0
    assert metrics.NOT_ACCEPTED.counts["disk",] - before == 3


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[RawClick]:
    """The events that are made from now on."""
    made: list[RawClick] = []

    def kept(*parts: Any) -> RawClick:
        made.append(capture(*parts))
        return made[-1]

    monkeypatch.setattr("ingest.redirect.capture", kept)
    return made


async def test_who_objects_sees_one_variant_too_and_is_nobody(asked: Asked, made: list[RawClick]) -> None:
    asked.add("a", variants=[{"name": str(one), "destination": f"https://v{one}.example/"} for one in range(4)])
    for number in range(20):
        headers = {b"host": b"localhost", b"dnt": b"1", b"user-agent": b"%d" % number}
        locations = {(await asked.ask("/a", headers=headers))[1][b"location"] for _ in range(3)}
        assert len(locations) == 1
    assert {click.visitor_id for click in made} == {""}
    assert len({click.variant for click in made}) == 4


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/a", b"url=https://evil.example/"),
        ("/a", b"url=//evil.example/&next=https://evil.example&redirect_uri=javascript:alert(1)"),
        ("/a", b"@evil.example/"),
        ("/a", b"\\evil.example"),
        ("/a", b"w_url=https://evil.example/"),
    ],
)
async def test_nothing_that_is_asked_leads_elsewhere(asked: Asked, path: str, query: bytes) -> None:
    asked.add("a", destination="https://example.com/")
    location = (await asked.ask(path, query=query))[1][b"location"]
    assert location.startswith((b"https://example.com/?", b"https://example.com/"))
    assert urlsplit(location.decode()).netloc == "example.com"


@pytest.mark.parametrize(
    "path", ["/", "//evil.example", "/https://evil.example/", "/\\evil.example", "/@evil.example", "/%2f"]
)
async def test_no_path_is_a_destination(asked: Asked, path: str) -> None:
    status, headers, _ = await asked.ask(path, query=b"url=https://evil.example/")
    assert status == 404
    assert b"location" not in headers


@pytest.mark.parametrize("honoured", [True, False])
async def test_an_objection_counts_where_it_is_honoured(slot: Slot, honoured: bool, made: list[RawClick]) -> None:
    await Asked(slot, honour_opt_out=honoured).ask("/x", headers={b"host": b"localhost", b"sec-gpc": b"1"})
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


@pytest.fixture
def signing(slot: Slot, tmp_path: Path) -> Asked:
    """A redirector with two keys, and fallbacks."""
    path = write_keys(tmp_path / "keys.json", key("k1"), key("k2", state=State.RETIRING))
    return Asked(slot, signing_keys=path, fallbacks="go.example=https://example.com/lost", show_click_id=False)


def signed(key_id: str = "k1", **fields: Any) -> str:
    facts = {"domain": "go.example", "destination": "https://example.com/a?b=1#c", "parameters": "w_msg=m1"} | fields
    return "/" + sign(SignedLink(**facts), key_id, SECRETS[key_id])


GO = {b"host": b"go.example"}


@pytest.mark.parametrize("key_id", SECRETS)
async def test_a_signed_link_redirects_and_is_an_event(signing: Asked, made: list[RawClick], key_id: str) -> None:
    address = signed(key_id, parameters="w_msg=m1&w_rcpt=r%2F1&w_pos=3&w_of=9&w_slot=hero&w_ch=email&w_sent=5&w_qr=1")
    status, headers, body = await signing.ask(address, headers=GO, query=b"b=2&w_pos=7&w_msg=forged&gclid=x")
    assert (status, headers[b"location"], body) == (302, b"https://example.com/a?b=2&gclid=x#c", b"")
    assert b"referrer-policy" not in headers
    (click,) = made
    assert (click.kind, click.domain, click.path, click.status) == (Kind.CLICK, "go.example", "/s/", 302)
    assert click.link_id == link_id("go.example", "https://example.com/a?b=1#c")
    assert (click.link_version, click.variant, click.query) == (0, "", "b=2&gclid=")
    assert (click.message, click.recipient, click.position, click.position_of) == ("m1", "r/1", 3, 9)
    assert (click.slot, click.channel, click.sent_at, click.qr) == ("hero", "email", 5, True)


async def test_a_signed_link_answers_head_alike_and_no_other_method(signing: Asked) -> None:
    assert await signing.ask(signed(), "HEAD", GO) == await signing.ask(signed(), headers=GO)
    assert signing.events == 1
    assert (await signing.ask(signed(), "POST", GO))[0] == 405


async def test_a_signed_link_s_own_parameters_are_those_that_were_signed(signing: Asked, made: list[RawClick]) -> None:
    await signing.ask(signed(parameters=""), headers=GO, query=b"w_msg=forged&w_rcpt=r&w_pos=1")
    assert (made[0].message, made[0].recipient, made[0].position) == ("", "", 0)


async def test_a_signed_link_is_valid_at_its_domain_only(signing: Asked) -> None:
    assert (await signing.ask(signed(), headers={b"host": b"other.example"}))[0] == 404
    assert (await signing.ask(signed(domain="localhost"), headers={b"host": b"127.0.0.1:8080"}))[0] == 302


@pytest.mark.parametrize(
    ("slug", "kind"),
    [
        (signed()[:-1], Kind.ORPHAN),
        (signed() + "A", Kind.ORPHAN),
        (signed().replace(".", ".A"), Kind.ORPHAN),
        (signed(domain="other.example"), Kind.ORPHAN),
        ("/" + sign(SignedLink("go.example", "https://example.com/"), "k3", bytes(32)), Kind.ORPHAN),
        ("/" + signed_by_hand("go.example", "javascript:alert(1)"), Kind.ORPHAN),
        ("/" + signed_by_hand("go.example", "https://example.com/\r\nSet-Cookie: a"), Kind.ORPHAN),
        (signed(expires=1_000_000_000), Kind.EXPIRED),
    ],
)
async def test_what_no_key_signed_or_is_too_old_is_never_a_redirect(
    signing: Asked, slot: Slot, made: list[RawClick], slug: str, kind: Kind
) -> None:
    assert await signing.ask(slug, headers=GO) == await Asked(slot).ask("/none")
    assert (made[0].kind, made[0].status, made[0].path, made[0].destination) == (kind, 404, "/s/", "")


async def test_before_the_links_are_read_a_signed_one_is_answered(slot: Slot, tmp_path: Path) -> None:
    asked = Asked(slot, ready=False, signing_keys=write_keys(tmp_path / "keys.json", key("k1")))
    assert (await asked.ask(signed(), headers=GO))[0] == 302


async def test_rotation_leaves_no_gap_and_what_is_retired_for_good_is_gone(signing: Asked, tmp_path: Path) -> None:
    old = signed("k2")
    write_keys(tmp_path / "keys.json", key("k1"))
    signing.keys.reread()
    assert (await signing.ask(old, headers=GO))[0] == 404
    assert (await signing.ask(signed("k1"), headers=GO))[0] == 302


async def test_a_domain_s_fallback_is_where_its_misses_lead(signing: Asked, made: list[RawClick]) -> None:
    signing.add("off", domain="go.example", enabled=False, referrer_policy="origin")
    signing.add("early", domain="go.example", starts_at=4_000_000_000_000)
    answers = [await signing.ask(path, headers=GO, query=b"a=1") for path in ("/none", "/off", "/early", "/")]
    assert answers == [answers[0]] * 4
    assert (answers[0][0], answers[0][1][b"location"]) == (302, b"https://example.com/lost")
    assert [click.kind for click in made] == [Kind.ORPHAN, Kind.DISABLED, Kind.EXPIRED, Kind.ORPHAN]
    assert {(click.status, click.destination) for click in made} == {(302, "https://example.com/lost")}
    assert (await signing.ask("/none"))[0] == 404


async def test_an_expired_link_does_not_lead_to_the_fallback(signing: Asked) -> None:
    signing.add("late", domain="go.example", expires_at=1)
    assert (await signing.ask("/late", headers=GO))[0] == 410


async def test_who_misses_too_often_is_told_to_wait_and_never_refused_a_link(slot: Slot) -> None:
    asked = Asked(slot, misses_per_minute=5)
    asked.add("a")
    asked.add("off", enabled=False)
    asked.add("gone", expires_at=1)
    before = metrics.REFUSED.counts["429",]
    paths = ["/none", "/off", "/s/x.y", "/", "/none", "/none", "/off", "/s/x.y"]
    answers = [await asked.ask(path, method) for path, method in zip(paths, ["GET", "HEAD"] * 4, strict=True)]
    assert [status for status, _, _ in answers] == [404] * 5 + [429] * 3
    assert answers[5] == answers[6] == answers[7]
    assert answers[5][1][b"retry-after"] == b"12"
    assert asked.events == 3, "HEAD and what was refused are none"
    assert metrics.REFUSED.counts["429",] - before == 3
    assert [(await asked.ask(path))[0] for path in ("/a", "/gone", "/robots.txt")] == [302, 410, 200]


@pytest.mark.parametrize(
    ("path", "method"), [("/a", "GET"), ("/none", "GET"), ("/a", "POST"), ("/robots.txt", "GET"), ("/late", "HEAD")]
)
async def test_every_answer_has_security_headers(asked: Asked, path: str, method: str) -> None:
    asked.add("a")
    asked.add("late", expires_at=1)
    status, headers, body = await asked.ask(path, method)
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"content-length"] == str(len(body)).encode()
    if status != 302:
        assert headers[b"content-security-policy"] == b"default-src 'none'; frame-ancestors 'none'"
    if path != "/robots.txt":
        assert (headers[b"cache-control"], headers[b"x-robots-tag"]) == (b"private, no-store", b"noindex")
