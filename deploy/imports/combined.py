r"""One line of a combined access log, as Apache and nginx write it by default.

    host ident user [10/Oct/2026:13:55:36 -0700] "GET /slug?x=1 HTTP/1.1" 302 0 "referrer" "user agent"

Inside quotes both servers escape: Apache writes `\"`, `\\`, `\n`, `\t` … and `\xhh` for other bytes
(`ap_escape_logitem`), nginx writes `\xHH` for quotes, backslashes and everything outside printable ASCII. What follows
the user agent, as some add it, is left alone. A field of `-` is empty.
"""

import enum
import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from ingest.events import MAX_TIME_MS

MAX_LINE = 64 * 1024
"""Longer lines are rejected. Both servers limit a request's line and headers to 8 KiB each by default."""


class Reason(enum.StrEnum):
    """Why a line can't become a click."""

    TOO_LONG = "longer than 64 KiB"
    NOT_COMBINED = "not a line of the combined format"
    BAD_TIME = "no such time"
    BAD_STATUS = "no such HTTP status"
    NO_REQUEST = "no HTTP request in it"


class Rejected(ValueError):
    """The line can't become a click; nothing is wrong with the run."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Entry(NamedTuple):
    """What a line says; bytes are what the client sent, with the log's own escapes undone."""

    host: str
    """The client: its address, or a name where the server looks names up."""
    ts: int
    """Unix milliseconds; the log has whole seconds."""
    method: bytes
    target: bytes
    """The request target: path and query as they were spelled."""
    status: int
    referrer: bytes
    user_agent: bytes


_QUOTED = rb'"([^"\\]*(?:\\.[^"\\]*)*)"'
# Where a virtual host stands first (Apache's vhost_combined), the user would begin with "- ": no line of this format.
_LINE = re.compile(
    rb'([!-~]+) [!-~]+ (?!- [^\[])[^"]*?\[([^\]]{1,40})\] '
    + _QUOTED
    + rb" (\d+) (?:\d+|-) "
    + _QUOTED
    + rb" "
    + _QUOTED
    + rb"(?: .*)?",
    re.DOTALL,
)
_REQUEST = re.compile(rb"([A-Za-z][A-Za-z-]*) +(\S+)(?: +HTTP/\d(?:\.\d)?)?")
_TIME = re.compile(rb"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_MONTHS = {name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_CONTROL = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"v": b"\v", b"f": b"\f"}


def parse(line: bytes) -> Entry:
    """The entry of a line without its line end; raises `Rejected` with the reason."""
    if len(line) > MAX_LINE:
        raise Rejected(Reason.TOO_LONG)
    match = _LINE.fullmatch(line)
    if match is None:
        raise Rejected(Reason.NOT_COMBINED)
    host, time, request, status, referrer, user_agent = match.groups()
    if len(status) != 3 or not b"100" <= status <= b"599":
        raise Rejected(Reason.BAD_STATUS)
    asked = _REQUEST.fullmatch(unescape(request))
    if asked is None:
        raise Rejected(Reason.NO_REQUEST)
    method, target = asked.groups()
    return Entry(
        host=host.decode("utf-8", "replace"),
        ts=unix_ms(time),
        method=method,
        target=target,
        status=int(status),
        referrer=unescape(referrer),
        user_agent=unescape(user_agent),
    )


def unescape(field: bytes) -> bytes:
    """What stood in a quoted field: escapes undone, `-` is empty."""
    if field == b"-":
        return b""
    return _ESCAPE.sub(_unescaped, field) if b"\\" in field else field


def _unescaped(match: re.Match[bytes]) -> bytes:
    digits, letter = match.groups()
    return bytes([int(digits, 16)]) if digits else _CONTROL.get(letter, letter)


@lru_cache(maxsize=1024)  # lines of one second follow each other
def unix_ms(time: bytes) -> int:
    """`10/Oct/2026:13:55:36 -0700` as Unix milliseconds; raises `Rejected`."""
    match = _TIME.fullmatch(time)
    if match is None or match[2] not in _MONTHS:
        raise Rejected(Reason.BAD_TIME)
    offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
    try:
        zone = timezone(-offset if match[7] == b"-" else offset)
        day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
        when = datetime(year, _MONTHS[match[2]], day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Rejected(Reason.BAD_TIME) from None
    ts = round(when.timestamp()) * 1000
    if not 0 <= ts <= MAX_TIME_MS:
        raise Rejected(Reason.BAD_TIME)
    return ts
