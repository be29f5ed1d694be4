"""The answers of the hot route that are the same for everybody, made once."""

import math

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

Headers = tuple[tuple[bytes, bytes], ...]


class Fixed:
    """Headers that are the same for everybody, and all of them as they stand on the wire."""

    def __init__(self, *headers: tuple[bytes, bytes]) -> None:
        self.headers = headers
        self.encoded = b"".join(b"%b: %b\r\n" % header for header in headers)


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A whole HTTP answer."""

    status: int
    fixed: Fixed
    own: Headers = ()
    """Headers of this answer alone."""
    body: bytes = b""

    @property
    def headers(self) -> Headers:
        """All headers."""
        return *self.own, *self.fixed.headers

    def encode(self, date: bytes, *, with_body: bool) -> bytes:
        """The answer as bytes; `date` is a header line. Raises `ValueError` where a value would end its line."""
        lines = [STATUS_LINE[self.status], date]
        for name, value in self.own:
            if _CR in value or _LF in value:
                raise ValueError(f"the header {name!r} has a line break in it")
            lines += (name, b": ", value, b"\r\n")
        lines += (self.fixed.encoded, b"\r\n", self.body if with_body else b"")
        return b"".join(lines)


_CR, _LF = b"\r\n"
NOSNIFF = (b"x-content-type-options", b"nosniff")
PRIVATE: Headers = ((b"cache-control", b"private, no-store"), (b"x-robots-tag", b"noindex"))
"""No cache may answer for us, not even a 301: a repeated click is to be seen. No search engine lists the link."""

REDIRECT = Fixed((b"content-length", b"0"), *PRIVATE, NOSNIFF)
"""What every redirect has beside its `Location`."""


def redirection(status: int, date: bytes, location: bytes, referrer_policy: str) -> bytes:
    """A redirect as `Reply.encode` has it, whose location is known to have no line break."""
    policy = b"referrer-policy: %b\r\n" % referrer_policy.encode() if referrer_policy else b""
    return b"%b%blocation: %b\r\n%b%b\r\n" % (STATUS_LINE[status], date, location, policy, REDIRECT.encoded)


def _page(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Reply:
    fixed = Fixed(
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        NOSNIFF,
        *headers,
    )
    return Reply(status, fixed, body=body)


NOT_FOUND = _page(404, b"Not found\n", *PRIVATE)
"""One answer, byte for byte, for what is unknown, switched off or not there yet, and for what no key of ours signed."""
FAILED = _page(500, b"Internal server error\n", *PRIVATE)
GONE = _page(410, b"Gone\n", *PRIVATE)
NOT_ALLOWED = _page(405, b"Method not allowed\n", (b"allow", b"GET, HEAD"), *PRIVATE)
BAD_REQUEST = _page(400, b"Bad request\n", *PRIVATE)
NOT_READY = _page(503, b"Not ready\n", (b"retry-after", b"1"), *PRIVATE)
FOR_A_DAY = (b"cache-control", b"public, max-age=86400")
NO_ICON = _page(404, b"Not found\n", FOR_A_DAY)
ROBOTS = _page(200, b"User-agent: *\nDisallow:\n", FOR_A_DAY)
"""Crawlers may ask: previews in messengers need it, and only who asks sees that nothing here is to be indexed."""
ASKED_OF_EVERY_HOST = {"/favicon.ico": NO_ICON, "/robots.txt": ROBOTS, "/.well-known": NO_ICON}
"""Answered, and no events."""


def is_everywhere(path: str) -> bool:
    """Whether it is one of those; whatever lies under `/.well-known/` is not found either."""
    return path in ASKED_OF_EVERY_HOST or path.startswith("/.well-known/")


def too_many(seconds: float) -> Reply:
    """The answer to a network that has missed too often; it may ask again after so many seconds."""
    return _page(429, b"Too many requests\n", (b"retry-after", str(math.ceil(seconds)).encode()), *PRIVATE)
