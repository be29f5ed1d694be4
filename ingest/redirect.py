"""The hot route: a request in, a redirect out, an event on its way. A plain ASGI endpoint.

The order is the promise: the event is handed over before the redirect is answered, and whatever becomes of the event,
the redirect is answered.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
import structlog

from ingest import metrics
from ingest.address import Clients
from ingest.answer import Answer, answer, answer_signed
from ingest.capture import Identity, Request, capture, text
from ingest.events import MAX_USER_AGENT, Kind
from ingest.fallbacks import Fallbacks
from ingest.links import Target, link_id
from ingest.linkstore import LinkStore, host_name
from ingest.misses import Misses
from ingest.outbox import Outbox
from ingest.passthrough import Query, take_apart
from ingest.replies import (
    ASKED_OF_EVERY_HOST,
    BAD_REQUEST,
    GONE,
    NO_ICON,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_READY,
    REDIRECT,
    Headers,
    Reply,
    is_everywhere,
    too_many,
)
from ingest.salts import Salts
from ingest.settings import IngestSettings
from ingest.shortcut import Shortcut
from ingest.signed import FOLDER as SIGNED
from ingest.signed import SignedLink, verify
from ingest.signing_keys import SigningKeys
from ingest.visitor import objects

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
log = structlog.get_logger(__name__)


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Redirect:
    """Answers everything that is not one of Weir's own pages. `ready` says whether all links have been read."""

    def __init__(
        self,
        settings: IngestSettings,
        links: LinkStore,
        salts: Salts,
        outbox: Outbox,
        *,
        keys: SigningKeys,
        ready: Callable[[], bool],
    ) -> None:
        self._links = links
        self._salts = salts
        self._outbox = outbox
        self._keys = keys
        self._ready = ready
        self._behind_proxy = bool(settings.proxies())
        self._clients = Clients(settings.proxies())
        self._honour_opt_out = settings.honour_opt_out
        self._show_click_id = settings.show_click_id
        self._fallbacks = Fallbacks(settings.fallbacks)
        self._misses = Misses(settings.misses_per_minute)
        self._sync = settings.spool_sync == "answer"
        self._shortcut = (
            None
            if settings.show_click_id
            else Shortcut(
                links,
                salts,
                self._clients,
                behind_proxy=self._behind_proxy,
                honour_opt_out=self._honour_opt_out,
                upcoming=lambda: outbox.upcoming,
                put=self._put,
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's signature)
        """Answer one request."""
        reply = self._of_scope(scope)
        if self._sync:
            await self._outbox.synced()
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    def _of_scope(self, scope: Scope) -> Reply:
        if scope["http_version"] == "0.9":
            # A request line without a version. No browser sends one; a proxy that was fooled by a line break does.
            metrics.REFUSED.counts["400",] += 1
            return BAD_REQUEST
        peer = scope["client"]
        target = scope["path"], scope["raw_path"], scope["query_string"]
        return self.reply(scope["method"], *target, scope["headers"], peer[0] if peer else "")

    def reply(  # noqa: PLR0917 - called with every request, which names would make slower
        self, method: str, path: str, raw_path: bytes, query: bytes, headers: Sequence[tuple[bytes, bytes]], peer: str
    ) -> Reply:
        """The answer to one request, whose event is handed over by then; the arguments are as in an ASGI scope."""
        if method not in {"GET", "HEAD"}:
            metrics.REFUSED.counts["405",] += 1
            return NOT_ALLOWED
        if is_everywhere(path):
            return ASKED_OF_EVERY_HOST.get(path, NO_ICON)
        by_name = dict(headers)
        if len(by_name) != len(headers) and sum(name == b"host" for name, _ in headers) > 1:
            # A proxy before us may have gone by the other one (RFC 9112, section 3.2, wants this refused).
            metrics.REFUSED.counts["400",] += 1
            return BAD_REQUEST
        forwarded: Sequence[bytes] = ()
        if self._behind_proxy and b"x-forwarded-for" in by_name:
            forwarded = (by_name[b"x-forwarded-for"],)
            if len(by_name) < len(headers):  # a header is there twice
                forwarded = [value for name, value in headers if name == b"x-forwarded-for"]
        request = Request(
            ts=now_ms(),
            domain=self._links.domain(by_name.get(b"host", b"").decode("latin-1")),
            path=raw_path,
            slug=path[1:],
            headers=by_name,
            query=take_apart(query),
            address=self._clients.client(peer, forwarded),
            user_agent=text(by_name.get(b"user-agent", b""), MAX_USER_AGENT),
        )
        return self._follow(method, request)

    def direct(  # noqa: PLR0917 - as `reply`
        self, method: str, raw_path: bytes, query: bytes, headers: Sequence[tuple[bytes, bytes]], peer: str, date: bytes
    ) -> bytes:
        """The whole answer to a GET or HEAD as bytes, without ASGI around it; `date` is a header line."""
        path = raw_path.decode("ascii")
        if method == "GET" and self._shortcut is not None:
            answered = self._shortcut.answer(path, query, headers, peer, date)
            if answered is not None:
                return answered
        if "%" in path:
            path = unquote(path)
        return self.reply(method, path, raw_path, query, headers, peer).encode(date, with_body=method == "GET")

    def _put(self, event: bytes, key: bytes, ts: int, address_id: bytes) -> None:
        """Hand the event of a plain click over."""
        metrics.ANSWERS.counts[Kind.CLICK, "GET"] += 1
        try:
            self._outbox.put_encoded(event, key, ts, address_id)
        except Exception:
            metrics.NOT_ACCEPTED.counts["capture_failed",] += 1
            log.exception("An event could not be handed over")

    def _follow(self, method: str, request: Request) -> Reply:
        link = self._links.get(request.domain, request.slug)
        if link is None:
            if request.slug.startswith(SIGNED):
                return self._follow_signed(method, request)
            if not self._ready():
                metrics.REFUSED.counts["503",] += 1
                return NOT_READY
        identity = self._identify(request)
        found = answer(link, request.ts, request.query.passed, identity.visitor.visitor_id)
        if found.status == NOT_FOUND.status:
            return self._miss(method, request, link, found, identity)
        return self._answer(method, request, link, found, identity)

    def _follow_signed(self, method: str, request: Request) -> Reply:
        """What the address says is not stored, only what it means: it may name the recipient."""
        signed = verify(request.slug, self._keys.secrets)
        if signed is not None and signed.domain not in {request.domain, _host(request)}:
            signed = None
        request = msgspec.structs.replace(
            request,
            domain=signed.domain if signed else request.domain,
            path=b"/" + SIGNED.encode(),
            slug=SIGNED,
            query=Query(request.query.passed, take_apart(signed.parameters.encode()).own if signed else {}),
        )
        link = _as_link(signed) if signed else None
        identity = self._identify(request)
        found = answer_signed(signed, request.ts, request.query.passed)
        if found.status == NOT_FOUND.status:
            return self._miss(method, request, link, found, identity)
        return self._answer(method, request, link, found, identity)

    def _miss(self, method: str, request: Request, link: Target | None, found: Answer, identity: Identity) -> Reply:
        """All that looks as if it were not there: counted against who asks, and sent to the domain's fallback."""
        if link is not None:
            link_id(request.domain, request.slug)  # which `capture` works out of an unknown one: both take as long
        wait = self._misses.wait(request.address.network, time.monotonic())
        if wait:
            metrics.REFUSED.counts["429",] += 1
            return too_many(wait)
        fallback = self._fallbacks.of(_host(request), request.domain)
        if fallback and request.slug != SIGNED:
            found = msgspec.structs.replace(found, status=302, location=fallback)
        return self._answer(method, request, link, found, identity)

    def _answer(self, method: str, request: Request, link: Target | None, found: Answer, identity: Identity) -> Reply:
        """Count the answer, hand its event over, and write it out."""
        metrics.ANSWERS.counts[found.kind, method] += 1
        click_id = self._record(request, link, found, identity) if method == "GET" else ""
        shown: Headers = ((b"x-click-id", click_id.encode()),) if click_id and self._show_click_id else ()
        if not found.location:
            reply = GONE if found.status == GONE.status else NOT_FOUND
            return msgspec.structs.replace(reply, own=shown) if shown else reply
        if found.referrer_policy:
            shown = (*shown, (b"referrer-policy", found.referrer_policy.encode()))
        return Reply(found.status, REDIRECT, ((b"location", found.location), *shown))

    def _identify(self, request: Request) -> Identity:
        salt = self._salts.at(request.ts)
        visitor = salt.ids.of(request.address, request.user_agent, request.domain)
        return Identity(visitor, salt.day, salt.local, self._honour_opt_out and objects(request.headers))

    def _record(self, request: Request, link: Target | None, found: Answer, identity: Identity) -> str:
        """Hand the event over; its click id, or empty where it could not be taken."""
        try:
            click = capture(request, link, found, identity, self._outbox.upcoming)
            return click.id if self._outbox.put(click) else ""
        except Exception:
            metrics.NOT_ACCEPTED.counts["capture_failed",] += 1
            log.exception("An event could not be made")
            return ""


def _host(request: Request) -> str:
    """The host name that was asked, empty where there is none."""
    return host_name(request.headers.get(b"host", b"").decode("latin-1"))


def _as_link(signed: SignedLink) -> Target:
    """The link that a signed address stands for; it has no version, and no other fields than these."""
    return Target(id=link_id(signed.domain, signed.destination), destination=signed.destination, version=0)
