"""The visitors: addresses in their networks, browsers, languages."""

import ipaddress
import random
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.traffic.agents import Agent
from deploy.traffic.mix import Network, Weighted, shares

TYPE = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")


class Hosts:
    """The addresses of a network in a scattered order, all of them before the first comes again.

    So two people of a plan are never taken for one another, as long as they are few or far apart.
    """

    def __init__(self, network: str, rng: random.Random) -> None:
        parsed = ipaddress.ip_network(network)
        self._first, self._size = int(parsed.network_address), parsed.num_addresses
        self._at = rng.randrange(self._size)
        self._step = rng.randrange(1, self._size, 2)  # odd, and the size is a power of two: it reaches all

    def next(self) -> str:
        """One more address."""
        self._at = (self._at + self._step) % self._size
        return str(ipaddress.ip_address(self._first + self._at))


class Crowd:
    """Where visitors of one sort come from."""

    def __init__(self, networks: Sequence[Network], rng: random.Random) -> None:
        self._rng = rng
        self._networks: Weighted[Network] = shares(networks)
        self._hosts = {network.network: Hosts(network.network, rng) for network in networks}

    def draw(self) -> tuple[Network, str]:
        """A network, and an address in it."""
        network = self._networks.draw(self._rng)
        return network, self._hosts[network.network].next()


@dataclass(frozen=True, slots=True)
class Person:
    """A visitor with an address, a browser and a language of their own."""

    agent: Agent
    network: Network
    address: str
    opted_out: bool = False

    def headers(self, forged: str = "") -> tuple[tuple[str, str], ...]:
        """What their browser sends with every request, and the proxy's word for their address (after a forged one)."""
        return (
            ("User-Agent", self.agent.user_agent),
            TYPE,
            *((("Accept-Language", self.network.languages),) if self.network.languages else ()),
            *self.agent.hints,
            *((("Sec-GPC", "1"),) if self.opted_out else ()),
            ("X-Forwarded-For", f"{forged}, {self.address}" if forged else self.address),
        )
