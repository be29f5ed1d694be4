"""Who clicked, for a day: ids that can be compared and not traced back, and nothing for those who object.

The ids are 64-bit BLAKE2b hashes keyed with the salt of the day. The salt is thrown away after 48 hours; from then on
no one, with whatever list of addresses, can work out which address an id came from.
"""

from binascii import hexlify
from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from ingest.address import Address

ID_BYTES = 8


class Visitor(msgspec.Struct, frozen=True, gc=False):
    """The two ids of a client, 16 hexadecimal digits each."""

    address_id: str
    visitor_id: str


class Ids:
    """Makes the ids of one salt: of the address alone, and of (address, user agent, domain).

    The two hashes are set apart by BLAKE2b's `person` and can't be compared with one another.
    """

    __slots__ = ("_address", "_visitor")

    def __init__(self, salt: bytes) -> None:
        # Keyed once: a hash that is copied costs half of one that is keyed.
        self._address = blake2b(digest_size=ID_BYTES, key=salt, person=b"address")
        self._visitor = blake2b(digest_size=ID_BYTES, key=salt, person=b"visitor")

    def of(self, address: Address, user_agent: str, domain: str) -> Visitor:
        """The ids of a client."""
        address_id, visitor_id = self.hashes(address.packed, user_agent.encode(), domain.encode())
        return Visitor(address_id.decode(), visitor_id.decode())

    def hashes(self, packed: bytes, user_agent: bytes, domain: bytes) -> tuple[bytes, bytes]:
        """The same two as bytes, of the whole address and the others as UTF-8."""
        address_id, visitor_id = self._address.copy(), self._visitor.copy()
        address_id.update(packed)
        visitor_id.update(b"%b%b\0%b" % (packed, user_agent, domain))
        return hexlify(address_id.digest()), hexlify(visitor_id.digest())


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
