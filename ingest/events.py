"""The raw click: the one message that the redirector puts on `clicks.raw`, a JSON object a record.

This file is the contract between the redirector and everything downstream; `docs/raw-click.schema.json` is made
from it. A field is added with a default, never renamed or given another meaning; `v` counts what could not be kept
compatible.
"""

import enum
import re
import zlib
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta

SCHEMA_VERSION = 1

SRC_BITS = 40
SEQ_BITS = 34
MAX_USER_AGENT = 512
MAX_REFERRER = 1024
MAX_QUERY = 2048
MAX_NAME = 64
MAX_TIME_MS = 4_102_444_799_999  # the end of 2099: a time beyond it is a broken clock, not a click

Uint16 = Annotated[int, Meta(ge=0, le=0xFFFF)]
Uint32 = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Src = Annotated[int, Meta(ge=1, lt=1 << SRC_BITS)]
Seq = Annotated[int, Meta(ge=1, lt=1 << SEQ_BITS)]
Millis = Annotated[int, Meta(ge=0, le=MAX_TIME_MS)]
Id64 = Annotated[str, Meta(max_length=16)]
"""A 64-bit id as 16 lower-case hexadecimal digits, or empty where there is none (the stream checks the digits)."""


class Kind(enum.StrEnum):
    """What happened at the redirector."""

    CLICK = "click"
    """A link was followed."""
    ORPHAN = "orphan"
    """No link has this slug (an import: the request was answered with 4xx or 5xx)."""
    EXPIRED = "expired"
    """The link is not valid yet or no longer."""
    DISABLED = "disabled"
    """The link is switched off."""
    HEARTBEAT = "heartbeat"
    """A redirector's word that every `seq` up to `mark` is acknowledged by Kafka."""
    CLOSE = "close"
    """A redirector's word that `mark` was its last `seq`; said by itself, `mark` is this event's own."""


class RawClick(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One request as the redirector saw it, cut down to what may be kept.

    The full client address is in no field. Text that was not UTF-8 arrives with replacement characters.
    """

    v: Annotated[int, Meta(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    """Schema version."""
    kind: Kind
    src: Src
    """Start id of the process that made the event: random, 40 bits, new at each start."""
    seq: Seq
    """Counter of that process, from 1 and without gaps."""
    ts: Millis
    """When the request arrived, Unix milliseconds."""
    id: str = ""
    """Click id: a UUIDv7 of `ts`, `src` and `seq` (`click_id`), for readers of the topic; the stream makes it again."""
    resent: bool = False
    """The event may be in the log already: it was produced again, or comes from an import."""

    domain: Annotated[str, Meta(max_length=253)] = ""
    """Host that was asked, lower-case, without port; where no link has that host, the installation's default domain."""
    path: Annotated[str, Meta(max_length=2048)] = ""
    """Path that was asked, as it was spelled, with its leading slash; of a signed link `/s/` alone."""
    status: Uint16 = 0
    """HTTP status of the answer."""
    link_id: Id64 = ""
    """`link_id(domain, slug)`, also of an orphan; of a signed link `link_id(domain, destination)`."""
    link_version: Uint32 = 0
    """0 where no link is stored: an orphan, a signed link."""
    variant: Annotated[str, Meta(max_length=MAX_NAME)] = ""
    """Name of the A/B variant that was chosen."""
    destination: Annotated[str, Meta(max_length=4096)] = ""
    """Where the visitor was sent, with the values of known click ids blanked."""

    network: Annotated[str, Meta(max_length=43)] = ""
    """The client's network in CIDR notation: an IPv4 address cut to /24, an IPv6 address to /48."""
    address_id: Id64 = ""
    """Keyed hash of (salt of the day, address): for rates and bursts."""
    visitor_id: Id64 = ""
    """Keyed hash of (salt of the day, address, user agent, domain)."""
    salt_day: Annotated[str, Meta(max_length=10)] = ""
    """The salt's day (ISO 8601) in the installation's time zone: a visitor id means nothing beyond it."""
    salt_local: bool = False
    """The ids were made with a salt of this process alone, because the shared one could not be had."""
    opted_out: bool = False
    """`Sec-GPC: 1` or `DNT: 1`: no visitor id, address id, recipient, referrer path or city."""

    user_agent: Annotated[str, Meta(max_length=MAX_USER_AGENT)] = ""
    hints: dict[str, str] = {}
    """Client hints by header name without `sec-ch-ua-` (`sec-ch-ua` itself is `brands`), as sent."""
    referrer: Annotated[str, Meta(max_length=MAX_REFERRER)] = ""
    language: Annotated[str, Meta(max_length=256)] = ""
    """`Accept-Language`, as sent."""
    purpose: Annotated[str, Meta(max_length=256)] = ""
    """The purpose headers that were sent, as `name: value` joined by `, `, lower-case."""
    query: Annotated[str, Meta(max_length=MAX_QUERY)] = ""
    """The raw query without `?` and without Weir's own parameters, click ids blanked."""

    position: Uint16 = 0
    """1-based position of the link in its page or mail; 0 is unknown."""
    position_of: Uint16 = 0
    """How many positions that page or mail has; 0 is unknown."""
    slot: Annotated[str, Meta(max_length=MAX_NAME)] = ""
    channel: Annotated[str, Meta(max_length=MAX_NAME)] = ""
    """`w_ch` as sent; the stream decides whether it is one."""
    message: Annotated[str, Meta(max_length=128)] = ""
    recipient: Annotated[str, Meta(max_length=128)] = ""
    sent_at: Uint32 = 0
    """When the message was sent, Unix seconds; 0 is unknown."""
    qr: bool = False
    trap: bool = False
    """The link is a hidden one that people do not see."""

    mark: Annotated[int, Meta(ge=0, lt=1 << SEQ_BITS)] = 0
    """Heartbeat and close only: the sequence number that they speak of."""


def click_id(ts: int, src: int, seq: int) -> str:
    """The click id: a UUIDv7 whose time is `ts` (ms) and whose 74 random bits are `src` (40) and `seq` (34)."""
    # Written by hand: `str(UUID(int=…))` takes ten times as long, and this stands in the redirector's hot path.
    return id_begin(ts, src) + "%012x" % ((src << SEQ_BITS | seq) & 0xFFFF_FFFF_FFFF)


@lru_cache(16)
def id_begin(ts: int, src: int) -> str:
    """A click id up to its last 48 bits: the same for all clicks that a process sees within a millisecond."""
    time = f"{ts:012x}"
    return f"{time[:8]}-{time[8:]}-{0x7000 | src >> 28:04x}-{0x8000 | src >> 14 & 0x3FFF:04x}-"


def partition_key(click: RawClick) -> bytes:
    """What must be seen together goes to one partition: a message to one recipient, else a network.

    Bursts and repeats are judged within a partition (`message` ‖ `recipient`; a message without a recipient:
    `message` ‖ `network`; else `network` ‖ `domain`).
    """
    return key_of(click.message, click.recipient, click.network, click.domain)


def key_of(message: str, recipient: str, network: str, domain: str) -> bytes:
    """The same of its parts."""
    if message:
        return f"{message}\x1f{recipient or network}".encode()
    return f"{network}\x1f{domain}".encode()


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as `kafka.CLICKS_PARTITIONER` chooses it: the CRC-32 of the key, modulo their number."""
    return zlib.crc32(key) % partitions


def told_numbers(value: bytes | None) -> tuple[int, int]:
    """`src` and `seq` of an event that can't be decoded, as its first fields tell them; 0, 0 where they do not."""
    match = _NUMBERS.match(value or b"")
    src, seq = (int(match[1]), int(match[2])) if match else (0, 0)
    return (src, seq) if src < 1 << SRC_BITS and seq < 1 << SEQ_BITS else (0, 0)


_NUMBERS = re.compile(rb'\{(?:"v":\d{1,5},)?"kind":"[a-z]{1,16}","src":(\d{1,13}),"seq":(\d{1,11})[,}]')

encode = msgspec.json.Encoder().encode
"""RawClick → bytes."""

decode = msgspec.json.Decoder(RawClick).decode
"""bytes → RawClick; raises `msgspec.DecodeError` (not JSON) or `msgspec.ValidationError` (names the field)."""
