"""The hot route's short way: a redirect is written as soon as its request is read.

For each request uvicorn makes a task, an event and two messages, which an application needs that waits for something.
The hot route waits for nothing, so `DirectHttp` asks it for its reply and writes that. Whatever is not a plain GET or
HEAD (a body, an older HTTP, a connection that is to be closed, a client that does not take its answers) and all that
is not the hot route's goes uvicorn's way, through the application.
"""

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from ingest.protocol import LimitedHttp
from ingest.replies import FAILED

MAX_AT_ONCE = 16
"""Requests out of one piece of data that are answered before others have their turn."""
KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s after which most load balancers close an idle connection, so that they do it first."""

METHODS = {b"GET": "GET", b"HEAD": "HEAD"}
NOT_PLAIN = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
_HASH = ord("#")

Direct = Callable[[str, bytes, bytes, Sequence[tuple[bytes, bytes]], str, bytes], bytes | None]
"""Method, raw path, query, headers and peer, as in an ASGI scope, and uvicorn's header lines → the answer."""

log = structlog.get_logger(__name__)


def _none(*_: object) -> None:
    """An application that has no short way."""


class DirectHttp(LimitedHttp):
    """The redirector's protocol. The application's `direct` gives the reply, or None where ASGI is the way."""

    _lines_of: list[tuple[bytes, bytes]] | None = None
    _lines = b""
    """uvicorn's own headers (the date), which it makes anew every second, as they stand on the wire."""
    _is_direct = False
    """Whether the present request was answered with its head."""
    _left = 0
    """How many requests of the present data may be."""
    _idle_since = 0.0
    """Since when nothing has come after such an answer; 0: uvicorn looks after the connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self._direct: Direct = getattr(self.app, "direct", _none)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self._left = MAX_AT_ONCE
        super().data_received(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self.headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        """The request is read."""
        if self._is_direct:
            self._waiting_since, self._idle_since = 0.0, self._now
        else:
            super().on_message_complete()

    def is_idle(self, now: float) -> bool:
        """Whether nothing has come for long, at `now` (seconds of the loop's clock)."""
        return bool(self._idle_since) and not self._waiting_since and now - self._idle_since >= KEEP_ALIVE_SECONDS

    def _begin(self) -> None:
        # The ASGI scope that uvicorn makes here is made in `_answer`, for those that need one.
        self.url, self.headers = b"", []

    def _answer(self) -> None:
        answer = self._ask() if self._is_plain() else None
        self._is_direct = answer is not None
        if answer is None:
            self._idle_since = 0.0
            self._go_uvicorns_way()
        else:
            self.transport.write(answer)

    def _is_plain(self) -> bool:
        """Whether this request may be answered here and now."""
        self._left -= 1
        parser, url, cycle = self.parser, self.url, self.cycle
        return (
            self._left >= 0
            and (cycle is None or cycle.response_complete)  # type: ignore[redundant-expr]  # at first there is none
            and not self.flow.write_paused
            and parser.get_method() in METHODS
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and NOT_PLAIN.isdisjoint([name for name, _ in self.headers])
            and url.startswith(b"/")
            and url.isascii()
            and _HASH not in url
        )

    def _ask(self) -> bytes | None:
        """The answer as bytes; None where the application has to be asked."""
        raw_path, _, query = self.url.partition(b"?")
        method, peer = METHODS[self.parser.get_method()], self.client[0] if self.client else ""
        date = self._own_lines()
        try:
            return self._direct(method, raw_path, query, self.headers, peer, date)
        except Exception:
            log.exception("A request could not be answered")
            return FAILED.encode(date, with_body=method == "GET")

    def _own_lines(self) -> bytes:
        headers = self.server_state.default_headers
        if DirectHttp._lines_of is not headers:
            DirectHttp._lines_of = headers
            DirectHttp._lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return DirectHttp._lines

    def _go_uvicorns_way(self) -> None:
        url, headers = self.url, self.headers
        super()._begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super()._answer()
