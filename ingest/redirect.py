"""The hot route: a request in, a redirect out, an event on its way. A plain ASGI endpoint.

The order is the promise: the event is handed over before the redirect is answered, and whatever becomes of the event,
the redirect is answered.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

import structlog

from ingest import metrics
from ingest.address import Clients
from ingest.answer import Answer, answer
from ingest.capture import Identity, Request, capture, text
from ingest.events import MAX_USER_AGENT
from ingest.links import Link
from ingest.linkstore import LinkStore
from ingest.passthrough import take_apart
from ingest.producer import Outbox
from ingest.salts import Salts
from ingest.settings import IngestSettings
from ingest.visitor import objects

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Reply(NamedTuple):
    """A whole HTTP answer."""

    status: int
    headers: Headers
    body: bytes = b""


PRIVATE: Headers = [(b"cache-control", b"private, no-store"), (b"x-robots-tag", b"noindex")]
"""No cache may answer for us, not even a 301: a repeated click is to be seen. No search engine lists the link."""


def _page(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Reply:
    fixed = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    return Reply(status, [*fixed, *headers], body)


NOT_FOUND = _page(404, b"Not found\n", *PRIVATE)
"""One answer, byte for byte, for what is unknown, switched off or not there yet."""
GONE = _page(410, b"Gone\n", *PRIVATE)
NOT_ALLOWED = _page(405, b"Method not allowed\n", (b"allow", b"GET, HEAD"))
NOT_READY = _page(503, b"Not ready\n", (b"retry-after", b"1"), *PRIVATE)
FOR_A_DAY = (b"cache-control", b"public, max-age=86400")
NO_ICON = _page(404, b"Not found\n", FOR_A_DAY)
ROBOTS = _page(200, b"User-agent: *\nDisallow:\n", FOR_A_DAY)
"""Crawlers may ask: previews in messengers need it, and only who asks sees that nothing here is to be indexed."""
ASKED_OF_EVERY_HOST = {"/favicon.ico": NO_ICON, "/robots.txt": ROBOTS, "/.well-known": NO_ICON}
"""Answered, and no events."""

log = structlog.get_logger(__name__)


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Redirect:
    """Answers everything that is not one of Weir's own pages. `ready` says whether all links have been read."""

    def __init__(
        self, settings: IngestSettings, links: LinkStore, salts: Salts, outbox: Outbox, ready: Callable[[], bool]
    ) -> None:
        self._links = links
        self._salts = salts
        self._outbox = outbox
        self._ready = ready
        self._behind_proxy = bool(settings.proxies())
        self._clients = Clients(settings.proxies())
        self._honour_opt_out = settings.honour_opt_out
        self._show_click_id = settings.show_click_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's signature)
        """Answer one request."""
        reply = self._reply(scope)
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    def _reply(self, scope: Scope) -> Reply:
        if scope["method"] not in {"GET", "HEAD"}:
            metrics.REFUSED.counts["405",] += 1
            return NOT_ALLOWED
        path = scope["path"]
        if path in ASKED_OF_EVERY_HOST:
            return ASKED_OF_EVERY_HOST[path]
        if path.startswith("/.well-known/"):
            return NO_ICON
        return self._follow(scope, path[1:])

    def _follow(self, scope: Scope, slug: str) -> Reply:
        request = self._request(scope, slug)
        link = self._links.get(request.domain, slug)
        if link is None and not self._ready():
            metrics.REFUSED.counts["503",] += 1
            return NOT_READY
        identity = self._identify(request)
        found = answer(link, request.ts, request.query.passed, identity.visitor.visitor_id)
        metrics.ANSWERS.counts[found.kind, scope["method"]] += 1
        click_id = self._record(request, link, found, identity) if scope["method"] == "GET" else ""
        if not found.location:
            reply = GONE if found.status == 410 else NOT_FOUND
            return reply._replace(headers=[*reply.headers, *self._shown(click_id)])
        headers = [(b"location", found.location), (b"content-length", b"0"), *PRIVATE, *self._shown(click_id)]
        if link is not None and link.referrer_policy:
            headers.append((b"referrer-policy", link.referrer_policy.encode()))
        return Reply(found.status, headers)

    def _request(self, scope: Scope, slug: str) -> Request:
        headers = dict(scope["headers"])
        forwarded = (
            [value for name, value in scope["headers"] if name == b"x-forwarded-for"] if self._behind_proxy else ()
        )
        client = scope["client"]
        return Request(
            ts=now_ms(),
            domain=self._links.domain(headers.get(b"host", b"").decode("latin-1")),
            path=scope["raw_path"],
            slug=slug,
            headers=headers,
            query=take_apart(scope["query_string"]),
            address=self._clients.client(client[0] if client else "", forwarded),
            user_agent=text(headers.get(b"user-agent", b""), MAX_USER_AGENT),
        )

    def _identify(self, request: Request) -> Identity:
        salt = self._salts.at(request.ts)
        visitor = salt.ids.of(request.address, request.user_agent, request.domain)
        return Identity(visitor, salt.day, salt.local, self._honour_opt_out and objects(request.headers))

    def _record(self, request: Request, link: Link | None, found: Answer, identity: Identity) -> str:
        """Hand the event over; its click id, or empty where it could not be taken."""
        try:
            click = capture(request, link, found, identity, self._outbox.upcoming)
            return click.id if self._outbox.put(click) else ""
        except Exception:
            metrics.NOT_ACCEPTED.counts["capture_failed",] += 1
            log.exception("An event could not be made")
            return ""

    def _shown(self, click_id: str) -> Headers:
        return [(b"x-click-id", click_id.encode())] if click_id and self._show_click_id else []
