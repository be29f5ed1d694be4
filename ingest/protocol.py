"""Limits on what a client may send before it is answered.

uvicorn reads a request's line and headers without a limit; this refuses them early, before anything is looked up.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ingest import metrics

MAX_URL = 8 * 1024
"""Bytes of a request target; longer: 414."""

MAX_HEAD = 32 * 1024
"""Bytes of request target and headers together; more: 431."""

BAD_REQUEST = (400, "Bad request")
URL_TOO_LONG = (414, "URI too long")
HEAD_TOO_LARGE = (431, "Request header fields too large")

LINGER_SECONDS = 1.0
"""How long a refused client may go on sending before its connection is closed."""

_ANSWER = (
    "HTTP/1.1 {status} {text}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n"
    "connection: close\r\n\r\n{text}\n"
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

    def data_received(self, data: bytes) -> None:
        """Bytes from the client; those of a refused one are thrown away."""
        if self._refused:
            return
        if self._in_head:
            self._unfinished += len(data)
        self._may_be_long = self._unfinished + len(data) > MAX_HEAD
        super().data_received(data)
        if self._in_head and self._unfinished > MAX_HEAD and not self._refused:
            self._refusal = URL_TOO_LONG if len(self.url) > MAX_URL else HEAD_TOO_LARGE
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._unfinished = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is read: refuse it, or begin to answer."""
        self._in_head = False
        if len(self.url) > MAX_URL:
            self._refusal = URL_TOO_LONG
            raise Refused
        # Added up only where what has arrived could be too much.
        if self._may_be_long and sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self._refusal = HEAD_TOO_LARGE
            raise Refused
        super().on_headers_complete()

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
