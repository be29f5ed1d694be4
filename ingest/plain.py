"""Plain clicks: somebody follows a link that leads somewhere. Nearly every request is one, and here they are quick.

What `answer`, `capture` and `encode` do is done once more for this case alone: the event's JSON is joined from parts.
Those of few values (browsers, languages, queries, hosts) were made before and are kept. A link's and a visitor's are
worked out each time: there are so many that a kept part would lie far away in memory, and to fetch it takes longer. No
rule stands here: what is made of a value is asked of the functions that those three ask, and a test
(`tests/unit/ingest/test_plain.py`) holds every byte to what they give. What is not plain is left to them.

A part of an event is a piece of JSON with a comma before it, or nothing: a field that has its default is left out.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ingest.address import Address
from ingest.capture import (
    HINTS,
    MAX_DESTINATION,
    MAX_HEADER,
    MAX_PATH,
    MAX_SENT_AT,
    MAX_TOKEN,
    hints_of,
    number_of,
    referrer_of,
    text,
    told,
    value_of,
)
from ingest.events import MAX_QUERY, MAX_USER_AGENT, SEQ_BITS, Kind, id_begin, key_of
from ingest.links import Target
from ingest.passthrough import CACHED, blank, may_have_click_ids, merge, take_apart
from ingest.salts import Salt

_LOW_48 = (1 << 48) - 1
_HINTS = frozenset(HINTS)
_json = msgspec.json.Encoder().encode


def is_plain(link: Target, ts: int) -> bool:
    """Whether a click at `ts` (Unix milliseconds) on a link is plain, as far as it is the link's affair."""
    return bool(
        link.enabled
        and not link.variants
        and link.starts_at <= ts
        and (not link.expires_at or ts < link.expires_at)
        and link.id
        and link.version
        and (not link.referrer_policy or link.referrer_policy.isprintable())
    )


def click(  # noqa: PLR0917 - called with every request, which names would make slower
    link: Target,
    raw_path: bytes,
    query: bytes,
    headers: Mapping[bytes, bytes],
    domain: str,
    address: Address,
    salt: Salt,
    opted_out: bool,
    ts: int,
    src: int,
    seq: int,
) -> tuple[bytes, bytes, bytes, bytes]:
    """The location, the event, its key and the address id that `answer` and `capture` make of the same.

    For a click that `is_plain`, with a path without percent signs and no header that tells a purpose.
    """
    get = headers.get
    asked = take_apart(query)
    target = link.destination.encode()
    location = merge(target, asked.passed) if link.passthrough else target
    host, agent = _host(domain), _agent(get(b"user-agent", b""))
    begin, time = _begin(ts, src)
    who, address_id = _who(address, agent.text, host.text, salt, opted_out)
    place, message, recipient = _own(link, asked.own, opted_out) if asked.own else (_placed_link(link), "", "")
    event = (
        b'%b%d%b%012x"' % (begin, seq, time, (src << SEQ_BITS | seq) & _LOW_48),
        host.part,
        _part("path", text(raw_path, MAX_PATH)),
        b',"status":%d,"link_id":%b,"link_version":%d' % (link.status, _json(link.id), link.version),
        _destination(location),
        who,
        agent.part,
        b"" if _HINTS.isdisjoint(headers) else _hints(*map(get, HINTS)),
        _referrer(get(b"referer", b""), opted_out),
        _language(get(b"accept-language", b"")),
        _query(asked.passed) if asked.passed else b"",
        place,
        b',"trap":true}' if link.trap else b"}",
    )
    return location, b"".join(event), key_of(message, recipient, address.network, domain), address_id


class Said:
    """A text that the event has, as the ids are made of it and as the event has it."""

    __slots__ = ("part", "text")

    def __init__(self, field: str, said: str) -> None:
        self.text, self.part = said.encode(), _part(field, said)


class Placed(NamedTuple):
    """Where a link stood and by what message it came, made ready."""

    part: bytes
    message: str


@lru_cache(CACHED)
def _query(passed: bytes) -> bytes:
    return _part("query", blank(text(passed, MAX_QUERY)))


@lru_cache(CACHED)
def _agent(raw: bytes) -> Said:
    return Said("user_agent", text(raw, MAX_USER_AGENT))


@lru_cache(CACHED)
def _host(domain: str) -> Said:
    return Said("domain", domain)


@lru_cache(CACHED)
def _hints(*values: bytes | None) -> bytes:
    return _part("hints", hints_of(values))


@lru_cache(CACHED)
def _referrer(raw: bytes, opted_out: bool) -> bytes:
    return _part("referrer", referrer_of(raw, opted_out))


@lru_cache(CACHED)
def _language(raw: bytes) -> bytes:
    return _part("language", text(raw, MAX_HEADER))


@lru_cache(16)
def _begin(ts: int, src: int) -> tuple[bytes, bytes]:
    """What stands before the number of an event, and between it and the last digits of its id: for a millisecond."""
    return b'{"kind":"%b","src":%d,"seq":' % (Kind.CLICK.encode(), src), b',"ts":%d,"id":"%b' % (
        ts,
        id_begin(ts, src).encode(),
    )


@lru_cache(16)
def _salt(day: str, local: bool) -> bytes:
    return _part("salt_day", day) + _part("salt_local", local)


def _who(address: Address, agent: bytes, domain: bytes, salt: Salt, opted_out: bool) -> tuple[bytes, bytes]:
    """The fields that tell who it was, and the address id."""
    network, day = address.network.encode(), _salt(salt.day, salt.local)
    if opted_out:
        return b',"network":"%b"%b,"opted_out":true' % (network, day), b""
    address_id, visitor_id = salt.ids.hashes(address.packed, agent, domain)
    who = b',"network":"%b","address_id":"%b","visitor_id":"%b"%b' % (network, address_id, visitor_id, day)
    return who, address_id


def _destination(location: bytes) -> bytes:
    """The field of that name: the location as it is, unless something in it asks to be looked at."""
    if b'"' in location or b"\\" in location or len(location) > MAX_DESTINATION or may_have_click_ids(location.lower()):
        return _part("destination", blank(text(location, MAX_DESTINATION)))
    return b',"destination":"%b"' % location


def _own(link: Target, own: Mapping[bytes, bytes], opted_out: bool) -> tuple[bytes, str, str]:
    """The fields that Weir's own parameters tell, the message and the recipient."""
    get = own.get
    placed = _placed(
        get(b"w_pos"),
        get(b"w_of"),
        get(b"w_slot"),
        get(b"w_ch"),
        get(b"w_msg"),
        link.position,
        link.position_of,
        link.slot,
    )
    recipient = "" if opted_out else value_of(get(b"w_rcpt"), MAX_TOKEN)
    sent_at = number_of(get(b"w_sent"), MAX_SENT_AT)
    part = b"%b%b%b%b" % (
        placed.part,
        _part("recipient", recipient),
        b',"sent_at":%d' % sent_at if sent_at else b"",
        b',"qr":true' if get(b"w_qr") == b"1" else b"",
    )
    return part, placed.message, recipient


def _placed_link(link: Target) -> bytes:
    """The fields of a link's own place."""
    if link.position or link.position_of or link.slot:
        return _placed(None, None, None, None, None, link.position, link.position_of, link.slot).part
    return b""


@lru_cache(CACHED)
def _placed(  # noqa: PLR0917
    pos: bytes | None, of: bytes | None, slot: bytes | None, channel: bytes | None, message: bytes | None,
    link_position: int, link_position_of: int, link_slot: str,
) -> Placed:  # fmt: skip
    """The fields that are the same for all who get a message; a link's own place stands in for what is not told."""
    own = told({b"w_pos": pos, b"w_of": of, b"w_slot": slot, b"w_ch": channel, b"w_msg": message})
    fields = {
        "position": own.position or link_position,
        "position_of": own.position_of or link_position_of,
        "slot": own.slot or link_slot,
        "channel": own.channel,
        "message": own.message,
    }
    return Placed(b"".join(_part(field, value) for field, value in fields.items()), own.message)


def _part(field: str, value: object) -> bytes:
    return b',"%b":%b' % (field.encode(), _json(value)) if value else b""
