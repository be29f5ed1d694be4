"""The redirector as a Starlette application: Weir's own pages under `/-/`, and the hot route beside its router."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from urllib.parse import unquote

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ingest import metrics
from ingest.follow import Follower
from ingest.kafka import LINKS, SALTS
from ingest.linkstore import LinkStore, LiveLinks
from ingest.outbox import Outbox
from ingest.redirect import Redirect, now_ms
from ingest.replies import NOT_ALLOWED, NOT_FOUND, Reply
from ingest.salts import Salts
from ingest.settings import IngestSettings
from ingest.signing_keys import SigningKeys
from ingest.spool import Slot

OWN_PAGES = "/-/"
_OWN = frozenset({b"/-", b"/%"})
"""How their paths begin, however they are spelled."""
AS_IT_IS_NOW = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
SALT_WAIT_SECONDS = 10.0
"""How long after its start a process is not ready for want of the day's shared salt; then it goes on with its own."""


class Redirector(Starlette):
    """The application. `failed` is called with the reason when this process can't go on and has to be started anew."""

    def __init__(self, settings: IngestSettings, slot: Slot, failed: Callable[[str], None]) -> None:
        self._settings = settings
        self._failed = failed
        self._links = LinkStore(settings.default_domain)
        self._salts = Salts(settings.zone())
        self._outbox = Outbox(settings, slot)
        self._live_links = LiveLinks(settings, self._links, slot.path)
        self._salts_follower = Follower(settings, SALTS, self._salts.read)
        self._keys = SigningKeys(settings.signing_keys)
        self._redirect = Redirect(
            settings,
            self._links,
            self._salts,
            self._outbox,
            keys=self._keys,
            ready=lambda: self._live_links.is_ready,
        )
        self._salt_deadline = time.monotonic() + SALT_WAIT_SECONDS
        routes = [
            Route("/-/live", self._live),
            Route("/-/ready", self._is_ready),
            Route("/-/metrics", self._metrics),
        ]
        self.pages = Starlette(routes=routes, exception_handlers=NOTHING)
        """Weir's own pages, for a port of their own."""
        self._has_pages = not settings.redirector_admin_port
        super().__init__(routes=routes if self._has_pages else [], exception_handlers=NOTHING, lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: the hot route goes past middleware and router, which cost as much as all that it does itself."""
        if scope["type"] == "http" and not (self._has_pages and scope["path"].startswith(OWN_PAGES)):
            await self._redirect(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def direct(  # noqa: PLR0917 - as `Redirect.direct`
        self, method: str, raw_path: bytes, query: bytes, headers: Sequence[tuple[bytes, bytes]], peer: str, date: bytes
    ) -> bytes | None:
        """The hot route's answer without ASGI around it (see `ingest.direct`); None for all other routes."""
        if self._has_pages and raw_path[:2] in _OWN and unquote(raw_path).startswith(OWN_PAGES):
            return None
        return self._redirect.direct(method, raw_path, query, headers, peer, date)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        followers = (self._live_links, self._salts_follower)
        for follower in followers:
            follower.start()
        tasks = [asyncio.create_task(work) for work in (self._outbox.run(), self._keep_salts(), self._keys.watch())]
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for follower in followers:
                await asyncio.to_thread(follower.stop)
            await asyncio.to_thread(self._outbox.close, self._settings.redirector_stop_seconds)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(f"a task ended: {error!r}")

    async def _keep_salts(self) -> None:
        """Publish the salts that are missing, forget the old ones, and watch that both topics are still read."""
        while True:
            if self._salts_follower.is_caught_up:
                for key, value in self._salts.due(now_ms(), time.monotonic()):
                    self._outbox.put_salt(key, value)
            if not (self._live_links.is_alive and self._salts_follower.is_alive):
                self._failed("a topic is no longer read")
            await asyncio.sleep(0.2)

    @property
    def is_ready(self) -> bool:
        """Whether requests should come here: all links are read, and visitors get the ids that others give them."""
        salted = not self._salts.at(now_ms()).local or time.monotonic() >= self._salt_deadline
        return salted and self._live_links.is_ready

    async def _live(self, _request: Request) -> Response:
        return PlainTextResponse("live\n", headers=AS_IT_IS_NOW)

    async def _is_ready(self, _request: Request) -> Response:
        if self.is_ready:
            return PlainTextResponse("ready\n", headers=AS_IT_IS_NOW)
        return PlainTextResponse("not ready: links and salts are being read\n", 503, AS_IT_IS_NOW)

    async def _metrics(self, _request: Request) -> Response:
        metrics.BAD_RECORDS.counts[LINKS.name,] = self._live_links.bad_records
        metrics.BAD_RECORDS.counts[SALTS.name,] = self._salts_follower.bad_records
        metrics.LINKS.set(len(self._links))
        metrics.LINKS_CURRENT.set(self._live_links.current_at / 1000)
        metrics.SNAPSHOT_FAILS.set(self._live_links.snapshot_fails)
        metrics.READY.set(self.is_ready)
        metrics.LOCAL_SALT.set(self._salts.at(now_ms()).local)
        return Response(generate_latest(metrics.REGISTRY), headers=AS_IT_IS_NOW, media_type=CONTENT_TYPE_LATEST)


def _as_elsewhere(reply: Reply) -> Callable[[Request, Exception], Response]:
    """An answer of the hot route's for what is no page of ours, byte for byte."""

    def answer(_request: Request, _error: Exception) -> Response:
        response = Response(reply.body, reply.status)
        response.raw_headers = list(reply.headers)
        return response

    return answer


NOTHING = {404: _as_elsewhere(NOT_FOUND), 405: _as_elsewhere(NOT_ALLOWED)}
