"""Limits on what a client may send before it is answered, and on how long it may take.

uvicorn reads a request's line and headers without a limit, and waits for the rest of them for ever. This refuses what
is too much early, before anything is looked up, and closes what stands still.
"""

import asyncio

import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ingest import metrics

MAX_URL = 8 * 1024
"""Bytes of a request target; longer: 414."""

MAX_HEAD = 32 * 1024
"""Bytes of request target and headers together; more: 431."""

MAX_HEADERS = 100
"""Headers of a request; more: 431. Browsers and the proxies on the way send some thirty."""

MAX_PIPELINED = 128
"""Requests that may wait for the answers to those before them on their connection; after more it is closed. Each takes
some kilobytes, and uvicorn would take in as many as are sent. Browsers and proxies send none ahead."""

SWEEPS_EVERY = 10
"""uvicorn's ticks, a tenth of a second each, from one look at all connections to the next."""

BAD_REQUEST = (400, "Bad request")
URL_TOO_LONG = (414, "URI too long")
HEAD_TOO_LARGE = (431, "Request header fields too large")

LINGER_SECONDS = 1.0
"""How long a refused client may go on sending before its connection is closed."""

_ANSWER = (
    "HTTP/1.1 {status} {text}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n"
    "cache-control: private, no-store\r\nx-robots-tag: noindex\r\nx-content-type-options: nosniff\r\n"
    "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\nconnection: close\r\n\r\n{text}\n"
)


class Refused(Exception):
    """The request goes no further."""


class LimitedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with limits, and one shape of answer to what it can't read."""

    _in_head = False
    _may_be_long = False
    _unfinished = 0
    """Bytes of a head that came in later pieces than its first."""
    _refusal = BAD_REQUEST
    _refused = False
    _now = 0.0
    """The time of the last sweep, the same for all connections of a process: nobody asks a clock for a request."""
    _waiting_since = 0.0
    """Since when something is missing that the client has to send; 0: nothing is."""
    _running: RequestResponseCycle | None = None
    """The request that the application has last been given; those in `pipeline` wait for it."""
    _unanswered: RequestResponseCycle | None = None
    """The one whose answer was not out at the last sweep, and since when that is so."""
    _unanswered_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client is there, and has to say something."""
        self._waiting_since = self._now
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, and with it all that waits for its answers to be taken."""
        if self._running is not None:
            self._running.disconnected = True
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client; those of a refused one are thrown away."""
        if self._refused:
            return
        if self._in_head:
            self._unfinished += len(data)
        # An empty line between two requests begins none, and yet ends uvicorn's wait for the next one.
        self._waiting_since = self._waiting_since or self._now
        self._may_be_long = self._unfinished + len(data) > MAX_HEAD
        super().data_received(data)
        if self._in_head and self._unfinished > MAX_HEAD and not self._refused:
            self._refusal = URL_TOO_LONG if len(self.url) > MAX_URL else HEAD_TOO_LARGE
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._waiting_since = self._now
        self._unfinished = 0
        self._begin()

    def on_headers_complete(self) -> None:
        """The head is read: refuse it, or begin to answer."""
        self._in_head = False
        self._waiting_since = self._now
        self._check_head()
        self._answer()

    def _begin(self) -> None:
        super().on_message_begin()

    def _check_head(self) -> None:
        if len(self.url) > MAX_URL:
            self._refusal = URL_TOO_LONG
            raise Refused
        # Added up only where what has arrived could be too much.
        if len(self.headers) > MAX_HEADERS or (
            self._may_be_long and sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD
        ):
            self._refusal = HEAD_TOO_LARGE
            raise Refused
        if len(self.pipeline) >= MAX_PIPELINED:
            raise Refused

    def _answer(self) -> None:
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # We speak nothing else, and the parser reads no further: the client asks again on another connection.
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        """The body is read too, or there was none."""
        self._waiting_since = 0.0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (the text is ours)
        """Refuse the request and close the connection; one before it that is still being answered is answered first."""
        status, text = self._refusal
        metrics.REFUSED.counts[str(status),] += 1
        self._refused = True
        # Before the first request there is no cycle, which uvicorn's types do not say.
        if not getattr(self.cycle, "response_complete", True):
            self.cycle.keep_alive = False
            return
        self.transport.write(_ANSWER.format(status=status, text=text, length=len(text) + 1).encode("ascii"))
        # Closed at once, with bytes still coming in, the connection would be reset and the answer lost on the way.
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def stands_still(self, now: float, patience: float) -> bool:
        """Whether the client has been waited for long enough, at `now` (seconds of the loop's clock).

        For a head, for a body that nobody reads, for a client to take its answer, and for one that has never sent
        anything. Between two requests uvicorn's `timeout_keep_alive` counts.
        """
        if self._waiting_since:
            return now - self._waiting_since >= patience
        running = self._running
        if running is None or running.response_complete:
            return False
        if running is not self._unanswered:
            self._unanswered, self._unanswered_since = running, now
        return now - self._unanswered_since >= patience

    def is_idle(self, now: float) -> bool:  # noqa: ARG002 - uvicorn has a timer for each connection
        """Whether the connection is to be closed because nobody uses it, at `now` (seconds of the loop's clock)."""
        return False


class PatientServer(uvicorn.Server):
    """uvicorn's server, which looks at all of its connections once a second and closes those that stand still."""

    def __init__(self, config: uvicorn.Config, patience: float) -> None:
        """`patience`: seconds for which a client is waited for; it may be one less, never more."""
        super().__init__(config)
        self._patience = patience

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second; returns whether to end."""
        if counter % SWEEPS_EVERY == 0:
            self._sweep()
        return await super().on_tick(counter)

    def _sweep(self) -> None:
        LimitedHttp._now = now = asyncio.get_running_loop().time()
        for connection in list(self.server_state.connections):
            if isinstance(connection, LimitedHttp) and connection.stands_still(now, self._patience):
                metrics.SLOW.counts[()] += 1
                connection.transport.abort()
            elif isinstance(connection, LimitedHttp) and connection.is_idle(now):
                connection.transport.close()
