"""Capture: the parts of a request → the raw click. Pure, and whatever the bytes are, it raises nothing."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import msgspec

from ingest.address import Address
from ingest.answer import Answer
from ingest.events import MAX_NAME, MAX_QUERY, MAX_REFERRER, RawClick, click_id
from ingest.links import Target, link_id
from ingest.passthrough import CACHED, Query, blank
from ingest.sequence import Stamp
from ingest.visitor import Visitor, origin

MAX_PATH = 2048
MAX_DESTINATION = 4096
MAX_HINT = 256
MAX_HEADER = 256
MAX_TOKEN = 128
MAX_SENT_AT = 0xFFFF_FFFF

HINTS = {
    b"sec-ch-ua": "brands",
    b"sec-ch-ua-arch": "arch",
    b"sec-ch-ua-bitness": "bitness",
    b"sec-ch-ua-form-factors": "form-factors",
    b"sec-ch-ua-full-version-list": "full-version-list",
    b"sec-ch-ua-mobile": "mobile",
    b"sec-ch-ua-model": "model",
    b"sec-ch-ua-platform": "platform",
    b"sec-ch-ua-platform-version": "platform-version",
}
"""Client hints that are kept (W3C User-Agent Client Hints) → their names in the event."""

_NO_HINTS: dict[str, str] = {}

PURPOSES = (b"sec-purpose", b"purpose", b"x-moz", b"x-purpose")
"""Headers in which browsers say that nobody has clicked yet."""
_PURPOSES = frozenset(PURPOSES)


class Request(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the redirector knows about a request before it answers."""

    ts: int
    """When it arrived, Unix milliseconds."""
    domain: str
    path: bytes
    """As it was spelled."""
    slug: str
    headers: Mapping[bytes, bytes]
    """By lower-case name; of a repeated one, the last."""
    query: Query
    address: Address
    user_agent: str


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Who the visitor is for the day, or that it objects to being anybody."""

    visitor: Visitor
    salt_day: str
    salt_local: bool
    opted_out: bool


def capture(request: Request, link: Target | None, answer: Answer, identity: Identity, stamp: Stamp) -> RawClick:
    """The raw click of a request: every text cut to its limit, nothing in it that its user objects to."""
    headers, opted_out = request.headers, identity.opted_out
    own = told(request.query.own) if request.query.own else NOTHING_TOLD
    link = link or _NO_LINK
    return RawClick(
        kind=answer.kind,
        src=stamp.src,
        seq=stamp.seq,
        ts=request.ts,
        id=click_id(request.ts, stamp.src, stamp.seq),
        domain=request.domain,
        path=text(request.path, MAX_PATH),
        status=answer.status,
        link_id=link.id or link_id(request.domain, request.slug),
        link_version=link.version,
        variant=answer.variant,
        destination=blank(text(answer.location, MAX_DESTINATION)),
        network=request.address.network,
        address_id="" if opted_out else identity.visitor.address_id,
        visitor_id="" if opted_out else identity.visitor.visitor_id,
        salt_day=identity.salt_day,
        salt_local=identity.salt_local,
        opted_out=opted_out,
        user_agent=request.user_agent,
        hints=hints(headers),
        referrer=referrer_of(headers.get(b"referer", b""), opted_out),
        language=_often(headers.get(b"accept-language", b""), MAX_HEADER),
        purpose="" if _PURPOSES.isdisjoint(headers) else purpose(headers),
        query=_stored(request.query.passed, MAX_QUERY),
        position=own.position or link.position,
        position_of=own.position_of or link.position_of,
        slot=own.slot or link.slot,
        channel=own.channel,
        message=own.message,
        recipient="" if opted_out else own.recipient,
        sent_at=own.sent_at,
        qr=own.qr,
        trap=link.trap,
    )


class Told(msgspec.Struct, frozen=True, gc=False):
    """What Weir's own parameters say."""

    position: int = 0
    position_of: int = 0
    slot: str = ""
    channel: str = ""
    message: str = ""
    recipient: str = ""
    sent_at: int = 0
    qr: bool = False


NOTHING_TOLD = Told()
_NO_LINK = Target(id="", destination="", version=0)


def told(own: Mapping[bytes, bytes | None]) -> Told:
    """What they say, by name, raw; the first of a name counts."""
    value = own.get
    return Told(
        number_of(value(b"w_pos"), 0xFFFF),
        number_of(value(b"w_of"), 0xFFFF),
        value_of(value(b"w_slot"), MAX_NAME),
        value_of(value(b"w_ch"), MAX_NAME),
        value_of(value(b"w_msg"), MAX_TOKEN),
        value_of(value(b"w_rcpt"), MAX_TOKEN),
        number_of(value(b"w_sent"), MAX_SENT_AT),
        value(b"w_qr") == b"1",
    )


def text(raw: bytes, limit: int) -> str:
    """Bytes as text of at most `limit` bytes in UTF-8; what is not UTF-8, and NUL, becomes U+FFFD."""
    try:
        whole = raw.decode()
    except UnicodeDecodeError:
        whole = raw.decode("utf-8", "replace")
    if len(raw) <= limit and "\0" not in whole and "\ufffd" not in whole:
        return whole
    return whole.replace("\0", "\ufffd").encode()[:limit].decode("utf-8", "ignore")


def referrer_of(raw: bytes, opted_out: bool) -> str:
    """The referrer as it may be kept."""
    return origin(text(raw, MAX_REFERRER)) if opted_out else _stored(raw, MAX_REFERRER)


_often = lru_cache(CACHED)(text)


@lru_cache(CACHED)
def _stored(raw: bytes, limit: int) -> str:
    """A referrer or a query as it may be kept: few are clicked from often, and with the same query."""
    return blank(text(raw, limit))


def hints(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The client hints that were sent, by their short names."""
    if HINTS.keys().isdisjoint(headers):
        return _NO_HINTS
    return hints_of(tuple(map(headers.get, HINTS)))


@lru_cache(CACHED)
def hints_of(values: tuple[bytes | None, ...]) -> dict[str, str]:
    """Hints from the values of all hint headers: few browsers, few combinations."""
    return {
        name: text(value, MAX_HINT) for name, value in zip(HINTS.values(), values, strict=True) if value is not None
    }


def purpose(headers: Mapping[bytes, bytes]) -> str:
    """The purpose headers that were sent, as `name: value` joined by `, `, lower-case."""
    sent = [name + b": " + headers[name] for name in PURPOSES if name in headers]
    return text(b", ".join(sent), MAX_HEADER).lower()[:MAX_HEADER] if sent else ""


def value_of(raw: bytes | None, limit: int) -> str:
    """A parameter's value, decoded as a form does (`+` is a space) and cut."""
    if not raw:
        return ""
    return text(raw if raw.isalnum() else unquote_to_bytes(raw.replace(b"+", b" ")), limit)


def number_of(raw: bytes | None, largest: int) -> int:
    """A parameter's value as a number; 0 where it is none or too large."""
    # The length guards int(): a number of thousands of digits is an error in Python and slow before that.
    if not raw or not raw.isdigit() or len(raw) > 10:
        return 0
    number = int(raw)
    return number if number <= largest else 0
