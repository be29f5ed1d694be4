"""Who clicked, for a day: ids that can be compared and not traced back, and nothing for those who object.

The ids are 64-bit BLAKE2b hashes keyed with the salt of the day. The salt is thrown away after 48 hours; from then on
no one, with whatever list of addresses, can work out which address an id came from.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from ingest.address import Address

ID_BYTES = 8


class Visitor(NamedTuple):
    """The two ids of a client, 16 hexadecimal digits each."""

    address_id: str
    visitor_id: str


def identify(salt: bytes, address: Address, user_agent: str, domain: str) -> Visitor:
    """The ids: of the address alone, and of (address, user agent, domain).

    The two hashes are set apart by BLAKE2b's `person` and can't be compared with one another.
    """
    agent = f"{user_agent}\0{domain}".encode()
    return Visitor(
        blake2b(address.packed, digest_size=ID_BYTES, key=salt, person=b"address").hexdigest(),
        blake2b(address.packed + agent, digest_size=ID_BYTES, key=salt, person=b"visitor").hexdigest(),
    )


def objects(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the browser says that its user is not to be tracked: Global Privacy Control or Do Not Track."""
    return headers.get(b"sec-gpc") == b"1" or headers.get(b"dnt") == b"1"


def origin(referrer: str) -> str:
    """The referrer without path, query and user-info: `https://host:port/`; empty where it has no host."""
    scheme, separator, rest = referrer.partition("://")
    if not separator:
        return ""
    for end in "/?#":
        rest = rest.partition(end)[0]
    host = rest.rpartition("@")[2]
    return f"{scheme}://{host}/" if host else ""
