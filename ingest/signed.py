"""Signed links: an address that carries its destination, and the proof that a key of ours signed it. Pure.

`/s/{payload}.{mac}`. The payload is five lines (key id, domain, expiry, parameters, destination), the mac is
HMAC-SHA256 over the payload *as it stands in the address*; both are base64url without padding. Nothing is read of the
payload but the key's id before the two texts of the mac are compared, so a payload has one valid spelling.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from secrets import token_bytes
from typing import NamedTuple

from ingest.links import DestinationError, DomainError, check_destination, normalise_domain
from ingest.passthrough import OWN_PREFIX

FOLDER = "s/"
"""How the slug of a signed link begins; no stored link's does."""

MAX_PARAMETERS = 1024
_PARAMETERS = re.compile(r"[!-\"$-~]*")
_PREFIX = OWN_PREFIX.decode()
_NOBODY = token_bytes(32)
"""Stands in for the secret of an unknown key, so that such a link takes as long as a forged one."""

_checked = lru_cache(4096)(check_destination)


class SignedLink(NamedTuple):
    """What is signed."""

    domain: str
    """The host at which the address is valid, lower-case."""
    destination: str
    parameters: str = ""
    """Weir's own parameters as they stand in a query: `w_msg=m1&w_pos=3`."""
    expires: int = 0
    """Unix seconds; 0 is never."""


class SigningError(ValueError):
    """This can't be signed; the message says why, for the person who wrote it."""


def sign(link: SignedLink, key_id: str, secret: bytes) -> str:
    """The slug of a signed link, `s/{payload}.{mac}`; raises `SigningError`.

    Domain and destination are signed in their normal form (`normalise_domain`, `check_destination`).
    """
    try:
        domain, destination = normalise_domain(link.domain), check_destination(link.destination)
    except DomainError as error:
        raise SigningError(f"{link.domain} is no domain: {error}") from None
    except DestinationError as error:
        raise SigningError(f"{link.destination[:200]} can't be a destination: {error}") from None
    _check_parameters(link.parameters)
    payload = _base64("\n".join((key_id, domain, str(link.expires), link.parameters, destination)).encode())
    return f"{FOLDER}{payload.decode()}.{_mac(payload, secret).decode()}"


def verify(slug: str, secrets: Mapping[str, bytes]) -> SignedLink | None:
    """The link that one of the keys (id → secret) signed, whether it has expired or not; None where none did.

    The destination comes in its normal form; one that can't be a destination is none, whoever signed it.
    """
    payload, _, mac = slug.removeprefix(FOLDER).encode().partition(b".")
    try:
        key_id, domain, expires, parameters, destination = urlsafe_b64decode(payload + b"==").decode().split("\n")
        known = hmac.compare_digest(_mac(payload, secrets.get(key_id, _NOBODY)), mac)
        if not known or key_id not in secrets:
            return None
        return SignedLink(domain, _checked(destination), parameters, int(expires))
    except ValueError:
        return None


def _mac(payload: bytes, secret: bytes) -> bytes:
    return _base64(hmac.digest(secret, payload, "sha256"))


def _base64(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def _check_parameters(parameters: str) -> None:
    if len(parameters) > MAX_PARAMETERS:
        raise SigningError(f"the parameters are longer than {MAX_PARAMETERS} characters")
    if not _PARAMETERS.fullmatch(parameters):
        raise SigningError("the parameters have a character that is to be percent-encoded")
    foreign = [part for part in parameters.split("&") if parameters and not part.startswith(_PREFIX)]
    if foreign:
        raise SigningError(f"`{foreign[0][:64]}` is no parameter of Weir's own; it belongs into the destination")
