"""What one builds on: the click that an enricher of one's own is given, and what it may say of it.

`WEIR_ENRICHERS` names such enrichers, in the order in which they run: after Weir's own, before the judge. One is a
callable that takes a click, or one that `whole_batch` marks and that takes a batch:

    def company(click: Click) -> Added | None: ...

    @whole_batch
    def score(clicks: Columns) -> Sequence[Added | None]: ...

A class is made without arguments, anew for every partition that a worker takes over; what it makes is called. So its
attributes may hold what is counted, and no other partition's clicks come between. Each click of a live link is given
once, in the order of the log, copies excepted. `docs/extending.md` is the tutorial.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from warehouse.columns import Columns
from warehouse.events import Verdict

__all__ = ["Added", "Click", "Columns", "OwnReason", "Verdict", "whole_batch"]

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAX_VALUE = 1024
"""Characters of a field's value."""
MAX_FIELDS = 32

CLASSES = (Verdict.SUSPECT, Verdict.PREFETCH, Verdict.BOT)
"""What a reason of one's own may make of a click."""


class Click(msgspec.Struct, frozen=True, gc=False):
    """A click as Weir's own enrichers leave it: the columns of `events`, by the same names; unknown is empty or 0."""

    src: int = 0
    """Start id of the redirector process, 40 bits; of an import: of the file."""
    seq: int = 0
    """Counter of that process, from 1 without gaps; of an import: the line."""
    resent: bool = False
    """It was produced again or imported, so it was looked up before it was counted."""
    ts: int = 0
    """When the request arrived, Unix milliseconds."""
    domain: str = ""
    """Host that was asked."""
    path: str = ""
    """Path that was asked, as spelled."""
    status: int = 0
    """HTTP status of the answer."""
    link_id: str = ""
    """Id of the link, 16 hexadecimal digits."""
    link_version: int = 0
    """Version of the link that answered."""
    variant: str = ""
    """A/B variant that was chosen."""
    destination: str = ""
    """Where the visitor was sent, values of click ids blanked."""
    network: str = ""
    """Network of the client in CIDR notation: IPv4 /24, IPv6 /48."""
    address_id: str = ""
    """Keyed hash of the address, one salt a day, 16 hexadecimal digits; empty: none."""
    visitor_id: str = ""
    """Keyed hash of address, user agent and domain, one salt a day, 16 hexadecimal digits; empty: none."""
    salt_day: str = ""
    """Day of that salt, ISO 8601; visitors are unique within it."""
    salt_local: bool = False
    """The salt was one redirector's alone, the shared one was not to be had."""
    opted_out: bool = False
    """`Sec-GPC` or `DNT` was sent: no ids, recipient, referrer path or city."""
    user_agent: str = ""
    """User-Agent, at most 512 bytes."""
    hints: Mapping[str, str] = {}
    """Client hints by header name without `sec-ch-ua-`."""
    referrer: str = ""
    """Referer, at most 1,024 bytes."""
    accept_language: str = ""
    """Accept-Language, as sent."""
    purpose: str = ""
    """Purpose headers that were sent."""
    query: str = ""
    """Raw query without `w_` parameters, values of click ids blanked."""
    position: int = 0
    """1-based position of the link on its page or in its mail; 0: unknown."""
    position_of: int = 0
    """How many positions there are; 0: unknown."""
    slot: str = ""
    """Named place, as `hero` or `footer`."""
    message_id: str = ""
    """Message that held the link."""
    recipient_id: str = ""
    """Its recipient, pseudonymous."""
    sent_at: int = 0
    """When the message was sent, Unix seconds; 0: unknown."""
    asked_channel: str = ""
    """`w_ch`, as sent."""
    qr: bool = False
    """A scan of a QR code."""
    trap: bool = False
    """A hidden link that people do not see."""
    device: str = "other"
    """Class of the device: desktop, mobile, tablet, tv, console, wearable, car, other."""
    device_brand: str = ""
    """Maker of the device."""
    browser: str = ""
    """Browser family."""
    browser_version: str = ""
    """Its version, major and minor."""
    os: str = ""
    """Operating system family."""
    os_version: str = ""
    """Its version, major and minor."""
    country: str = ""
    """Country of the network, ISO 3166-1 alpha-2."""
    region: str = ""
    """First subdivision of the country, English name."""
    city: str = ""
    """City, English name."""
    asn: int = 0
    """Autonomous system of the network; 0: unknown."""
    as_name: str = ""
    """Its organisation."""
    referrer_host: str = ""
    """Host of the referrer, lower-case, without `www.`."""
    referrer_domain: str = ""
    """Its registrable domain by the public suffix list."""
    referrer_source: str = ""
    """Name of the referring site, as Google or Gmail; empty: not a known one."""
    utm_source: str = ""
    """Canonical `utm_source`."""
    utm_medium: str = ""
    """Canonical `utm_medium`."""
    utm_campaign: str = ""
    """Canonical `utm_campaign`."""
    utm_term: str = ""
    """Canonical `utm_term`."""
    utm_content: str = ""
    """Canonical `utm_content`."""
    utm_source_raw: str = ""
    """`utm_source` as spelled, percent-decoded."""
    utm_medium_raw: str = ""
    """`utm_medium` as spelled, percent-decoded."""
    utm_campaign_raw: str = ""
    """`utm_campaign` as spelled, percent-decoded."""
    utm_term_raw: str = ""
    """`utm_term` as spelled, percent-decoded."""
    utm_content_raw: str = ""
    """`utm_content` as spelled, percent-decoded."""
    ad_click: str = ""
    """Name of the click-id parameter that was there, as `gclid`; its value is not kept."""
    channel: str = ""
    """One of the 20 channels."""
    placement: str = "unknown"
    """Fifth of the page or mail in which the position lies, as `1st 20%`."""
    language: str = ""
    """First language of Accept-Language, as `en` or `pt-br`."""
    extra: Mapping[str, str] = {}
    """What enrichers of one's own have added."""


@dataclasses.dataclass(frozen=True, slots=True)
class OwnReason:
    """A reason of one's own against a click. Raises `ValueError` for what the verdict can't be made from."""

    name: str
    """Lower-case letters, digits and `_`; it is stored as `own:name`."""
    verdict: Verdict
    """Its class: suspect, prefetch or bot. The strongest class of all reasons is the click's verdict."""
    score: int
    """How sure it is that this was no person, 1 to 100."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a reason: lower-case letters, digits and _, at most 64")
        _check_weight(self.verdict, self.score)

    @property
    def stored(self) -> str:
        """As it stands in the column `reasons`."""
        return f"own:{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Added:
    """What an enricher of one's own says of a click. Raises `ValueError` for what can't be stored."""

    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Fields for the column `extra`; one of the same name that is there already is replaced."""
    reasons: tuple[OwnReason, ...] = ()

    def __post_init__(self) -> None:
        if len(self.fields) > MAX_FIELDS:
            raise ValueError(f"{len(self.fields)} fields are more than {MAX_FIELDS}")
        for name, value in self.fields.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a field: lower-case letters, digits and _, at most 64")
            _check_value(name, value)
        _check_reasons(self.reasons)


def _check_weight(verdict: object, score: object) -> None:
    if not (isinstance(verdict, Verdict) and verdict in CLASSES):
        raise ValueError(f"{verdict!r} is no class of a reason: {', '.join(map(str, CLASSES))} of Verdict are")
    if not (type(score) is int and 1 <= score <= 100):
        raise ValueError(f"a score is a whole number from 1 to 100, not {score!r}")


def _check_reasons(reasons: object) -> None:
    if not (isinstance(reasons, tuple) and all(isinstance(reason, OwnReason) for reason in reasons)):
        raise ValueError(f"reasons are a tuple of OwnReason, not {reasons!r:.80}")


def _check_value(name: str, value: object) -> None:
    if not (isinstance(value, str) and len(value) <= MAX_VALUE):
        raise ValueError(f"field {name}: a value is a text of at most {MAX_VALUE} characters, not {value!r:.80}")
    value.encode()  # raises `UnicodeEncodeError`, a `ValueError`, for what can't be stored


OfClick = Callable[[Click], Added | None]
OfBatch = Callable[[Columns], Sequence[Added | None]]

B = TypeVar("B", bound=OfBatch | type)

WHOLE_BATCH = "__weir_whole_batch__"


def whole_batch(enricher: B) -> B:
    """Mark a function, or a class, whose argument is not a click but the columns of many.

    A column has the name of the click's field and one value a click. It is a list, a NumPy array, or a
    `warehouse.columns.Coded`, which has each distinct value once. There is one answer a click, in the same order.
    """
    setattr(enricher, WHOLE_BATCH, True)
    return enricher
