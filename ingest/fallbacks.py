"""Fallback addresses: where a domain's visitors are sent from addresses that lead nowhere."""

from collections.abc import Mapping

from ingest.links import DestinationError, DomainError, check_destination, normalise_domain

EVERY_OTHER = "*"


class Fallbacks:
    """The fallback of each domain that has one; `*` is that of all others."""

    def __init__(self, text: str) -> None:
        """`go.example=https://example.com/lost, *=…`; raises `ValueError` that names what is wrong."""
        pairs = (part.strip() for part in text.split(","))
        self._addresses: Mapping[str, bytes] = dict(_fallback(pair) for pair in pairs if pair)

    def of(self, host: str, domain: str) -> bytes:
        """The `Location` for a host name, else for the domain that answers for it; empty where there is none."""
        known = self._addresses
        return known.get(host) or known.get(domain) or known.get(EVERY_OTHER, b"")


def _fallback(pair: str) -> tuple[str, bytes]:
    domain, equals, destination = pair.partition("=")
    if not equals:
        raise ValueError(f"`{pair}` is none; write domain=address, with %2C for a comma in the address")
    try:
        name = EVERY_OTHER if domain.strip() == EVERY_OTHER else normalise_domain(domain.strip())
        return name, check_destination(destination.strip()).encode()
    except DomainError as error:
        raise ValueError(f"`{domain}` is no domain: {error}") from None
    except DestinationError as error:
        raise ValueError(f"`{destination}` can't be the fallback of {domain.strip()}: {error}") from None
