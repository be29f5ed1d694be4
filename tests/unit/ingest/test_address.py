"""The client's address: who is believed, and what is kept."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.address import NOWHERE, Address, Clients, read
from ingest.settings import parse_networks

PROXIES = parse_networks("10.0.0.0/8, 2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("::1", "::/48"),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_addresses_are_cut(text: str, network: str) -> None:
    address = read(text)
    assert address is not None
    assert address.network == network


def test_a_mapped_address_is_the_ipv4_address() -> None:
    assert read("::ffff:203.0.113.77") == read("203.0.113.77")


@given(st.ip_addresses())
def test_nothing_of_the_host_part_is_in_the_network(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    kept = read(str(address))
    assert kept is not None
    network = ipaddress.ip_network(kept.network)
    assert network.prefixlen == (24 if network.version == 4 else 48)
    assert len(kept.network) <= 43


@pytest.mark.parametrize("text", ["", "unknown", "1.2.3", "1.2.3.4.5", "01.2.3.4", "::g", "1.2.3.4/24", "_hidden"])
def test_what_is_no_address(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # Nobody but our own proxies is believed.
        ("203.0.113.7", [b"198.51.100.1"], "203.0.113.7"),
        ("127.0.0.1", [b"198.51.100.1"], "127.0.0.1"),
        # The right-most hop that is no proxy of ours; what stands left of it is the client's to write.
        ("10.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"6.6.6.6, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", [b"6.6.6.6", b"198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"198.51.100.1 ,10.1.1.1", b" 2001:db8:ffff::5 "], "198.51.100.1"),
        # All are ours: the farthest is the client.
        ("10.0.0.1", [b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        # As proxies write them.
        ("10.0.0.1", [b"198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", [b"[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", [b"[2001:db8::7]"], "2001:db8::7"),
        ("::ffff:10.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
        # A hop that can't be read ends the search.
        ("10.0.0.1", [b"198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [b""], "10.0.0.1"),
        ("10.0.0.1", [b",,"], "10.0.0.1"),
        ("10.0.0.1", [b"\xff\xfe"], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.1\n"], "198.51.100.1"),
    ],
)
def test_who_the_client_is(peer: str, forwarded: list[bytes], client: str) -> None:
    assert Clients(PROXIES).client(peer, forwarded) == read(client)


def test_without_proxies_the_peer_is_the_client() -> None:
    assert Clients().client("10.0.0.1", [b"198.51.100.1"]) == read("10.0.0.1")


def test_a_socket_without_an_address() -> None:
    assert Clients(PROXIES).client("", [b"198.51.100.1"]) == NOWHERE == Address("", b"")


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_no_header_raises(forwarded: list[bytes]) -> None:
    assert isinstance(Clients(PROXIES).client("10.0.0.1", forwarded), Address)
