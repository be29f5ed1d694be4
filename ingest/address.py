"""The client's address: who is believed about it, and how much of it is kept.

The peer of the connection is the client, unless it is a proxy of our own: then each proxy has appended the address it
saw to `X-Forwarded-For`, and the right-most hop that is no proxy of ours is the client. Entries further left were
written by the client itself and prove nothing.
"""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

IPv4Network = ipaddress.IPv4Network
IPv6Network = ipaddress.IPv6Network
Network = IPv4Network | IPv6Network

IPV4_KEPT_BITS = 24
IPV6_KEPT_BITS = 48
CACHED = 65_536
"""Addresses whose parsed form is remembered."""

_HOP = re.compile(r"\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+|(.*)")
"""An address as proxies write it: bare, in brackets, or with a port."""


class Address(NamedTuple):
    """One address. Only `network` may leave the process."""

    network: str
    """The network in CIDR notation: IPv4 cut to /24, IPv6 to /48."""
    packed: bytes
    """The whole address, 4 or 16 bytes, for the keyed hashes alone."""


NOWHERE = Address("", b"")
"""There is no address: a connection over a Unix socket."""


class Clients:
    """Finds the client's address, given the networks of our own proxies. Loopback is not one unless it is named."""

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        self._proxies = tuple(proxies)
        self._trusted = lru_cache(CACHED)(self._is_proxy)

    def client(self, peer: str, forwarded_for: Sequence[bytes] = ()) -> Address:
        """The client's address; `forwarded_for` holds the values of all `X-Forwarded-For` headers, in their order.

        A hop that is no address ends the search: the last proxy that could be read stands for the client.
        """
        if not self._proxies or not forwarded_for or not self._trusted(peer):
            return read(peer) or NOWHERE
        client = peer
        for hop in reversed(b",".join(forwarded_for).decode("latin-1").split(",")):
            address = _bare(hop.strip())
            if read(address) is None:
                break
            client = address
            if not self._trusted(address):
                break
        return read(client) or NOWHERE

    def _is_proxy(self, text: str) -> bool:
        address = read(text)
        return address is not None and any(_parse(address.packed) in network for network in self._proxies)


@lru_cache(CACHED)
def read(text: str) -> Address | None:
    """The address in its cut and its whole form, None where the text is none; `::ffff:a.b.c.d` is IPv4."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    kept = IPV4_KEPT_BITS if address.version == 4 else IPV6_KEPT_BITS
    return Address(str(ipaddress.ip_network((address, kept), strict=False)), address.packed)


def _parse(packed: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.IPv4Address(packed) if len(packed) == 4 else ipaddress.IPv6Address(packed)


def _bare(hop: str) -> str:
    match = _HOP.fullmatch(hop)
    return next(filter(None, match.groups()), "") if match else ""
