"""A line of a log → the raw click, through the redirector's own capture: the same limits, blanks and cut addresses.

What a log can't say stays empty: hints, languages, purposes, opt-outs, where the visitor was sent. Visitor and address
ids are keyed with a random salt of each day that lives in this process's memory and ends with it, as the day's shared
salt is long gone or none of the import's business; so the ids are marked `salt_local`, compare within one import, and
can't be worked out later, not even by who has both the log and the warehouse. A log that has grown is imported with
new salts: its new clicks' visitors are other visitors than those of that day's old ones.
"""

import enum
import re
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

import msgspec

from deploy.imports.combined import Entry, parse
from deploy.imports.identity import LineIds
from ingest.address import Address, read
from ingest.answer import Answer
from ingest.capture import Identity, Request, capture, text
from ingest.events import MAX_USER_AGENT, Kind, RawClick
from ingest.passthrough import take_apart
from ingest.salts import Salts

GONE = 410
FIRST_ERROR = 400
_AUTHORITY = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)


class Skipped(enum.Enum):
    """Why a good line leaves no event."""

    HEAD = "HEAD, which is no click"


class Clicks:
    """Makes the clicks of one log; must be given every line of it, in order."""

    def __init__(self, domain: str, zone: ZoneInfo, source: str = "") -> None:
        self._domain = domain
        self._ids = LineIds(domain, source)
        self._salts = Salts(zone)

    @property
    def line(self) -> int:
        """Number of the last line, from 1."""
        return self._ids.stamp.seq

    def next(self, line: bytes) -> RawClick | Skipped:
        """The event of one more line; raises `combined.Rejected`."""
        self._ids.next(line)
        entry = parse(line)
        if entry.method == b"HEAD":
            return Skipped.HEAD
        request = self._request(entry)
        answer = Answer(kind_of(entry), entry.status)
        click = capture(request, None, answer, self._identity(request), self._ids.stamp)
        return msgspec.structs.replace(click, resent=True)

    def _request(self, entry: Entry) -> Request:
        target = _AUTHORITY.sub(b"", entry.target, count=1) if entry.target[:1] != b"/" else entry.target
        path, _, query = target.partition(b"?")
        return Request(
            ts=entry.ts,
            domain=self._domain,
            path=path,
            slug=unquote_to_bytes(path.removeprefix(b"/")).decode("utf-8", "replace"),  # as ASGI servers do
            headers={b"referer": entry.referrer},
            query=take_apart(query),
            address=read(entry.host) or Address("", entry.host.encode()),
            user_agent=text(entry.user_agent, MAX_USER_AGENT),
        )

    def _identity(self, request: Request) -> Identity:
        salt = self._salts.at(request.ts)
        visitor = salt.ids.of(request.address, request.user_agent, request.domain)
        return Identity(visitor, salt.day, salt.local, opted_out=False)


def kind_of(entry: Entry) -> Kind:
    """What the answer that the log tells of counts as: below 400 a click, 410 expired, anything else no link."""
    if entry.method != b"GET":
        return Kind.ORPHAN
    if entry.status == GONE:
        return Kind.EXPIRED
    return Kind.CLICK if entry.status < FIRST_ERROR else Kind.ORPHAN
