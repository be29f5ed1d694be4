"""What a request for a link is answered with. Pure: the time and the visitor are arguments."""

from hashlib import blake2b

import msgspec

from ingest.events import Kind
from ingest.links import Target
from ingest.passthrough import merge
from ingest.signed import SignedLink


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An answer: where to, or that there is nothing, and what that counts as."""

    kind: Kind
    status: int
    location: bytes = b""
    """The `Location` header, printable ASCII; empty where the visitor is sent nowhere."""
    variant: str = ""
    """Name of the A/B variant that was chosen."""
    referrer_policy: str = ""
    """The `Referrer-Policy` header; empty: there is none."""


ORPHAN = Answer(Kind.ORPHAN, 404)
DISABLED = Answer(Kind.DISABLED, 404)
NOT_NOW = Answer(Kind.EXPIRED, 404)
"""Not yet, or as a signed link not any more: looks as if there were none."""
EXPIRED = Answer(Kind.EXPIRED, 410)


def answer(link: Target | None, now: int, passed: bytes, visitor_id: str) -> Answer:
    """The answer for `link` at `now` (Unix milliseconds), with the incoming query `passed` on.

    A link that is off or has not started looks like one that does not exist. An expired one leads to its
    `expired_url`, as that stands, or is gone. `visitor_id` decides between variants and may be a transient one.
    """
    if link is None:
        return ORPHAN
    if not link.enabled:
        return DISABLED
    if now < link.starts_at:
        return NOT_NOW
    if 0 < link.expires_at <= now:
        return _expired(link)
    destination, variant = (link.destination, "") if not link.variants else _variant(link, visitor_id)
    target = destination.encode()
    location = merge(target, passed) if link.passthrough else target
    return Answer(Kind.CLICK, link.status, location, variant, link.referrer_policy)


def _expired(link: Target) -> Answer:
    if not link.expired_url:
        return EXPIRED
    return Answer(Kind.EXPIRED, 302, link.expired_url.encode(), referrer_policy=link.referrer_policy)


def answer_signed(link: SignedLink | None, now: int, passed: bytes) -> Answer:
    """The answer for a signed link at `now` (Unix milliseconds), or where no key of ours signed it."""
    if link is None:
        return ORPHAN
    if 0 < link.expires * 1000 <= now:
        return NOT_NOW
    return Answer(Kind.CLICK, 302, merge(link.destination.encode(), passed))


def _variant(link: Target, visitor_id: str) -> tuple[str, str]:
    """Destination and name of the visitor's variant: the same one for as long as the link is not changed.

    The draw is uniform: 64 bits of BLAKE2b over (visitor, link, version), modulo the sum of the weights.
    """
    seed = f"{visitor_id}/{link.id}/{link.version}".encode()
    drawn = int.from_bytes(blake2b(seed, digest_size=8).digest(), "big") % max(sum(v.weight for v in link.variants), 1)
    for variant in link.variants:
        drawn -= variant.weight
        if drawn < 0:
            return variant.destination, variant.name
    return link.destination, ""
