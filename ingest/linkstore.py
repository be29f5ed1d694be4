"""The links in memory: (domain, slug) → link, as the topic `links` has them now."""

import re
from functools import lru_cache

import msgspec

from ingest.links import DomainError, Link, link_key, normalise_domain

_DESTINATION = re.compile(r"https?://[!-\[\]-~]+")
"""What may stand in a `Location` header: printable ASCII without a backslash. The links agent has checked the rest;
this is looked at once a record, so that no request has to."""

_decode = msgspec.json.Decoder(Link).decode
_NO_LINKS: dict[str, Link] = {}


class LinkStore:
    """All links. `read` may run in another thread: every step of it changes one entry of a dictionary."""

    def __init__(self, default_domain: str) -> None:
        self._default = default_domain
        self._domains: dict[str, dict[str, Link]] = {}

    def __len__(self) -> int:
        return sum(map(len, list(self._domains.values())))

    def domain(self, host: str) -> str:
        """The domain that answers for a `Host` header: the host itself where a link has it, else the default."""
        name = host_name(host)
        return name if name in self._domains else self._default

    def get(self, domain: str, slug: str) -> Link | None:
        """The link, or None."""
        return self._domains.get(domain, _NO_LINKS).get(slug)

    def read(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the topic, in the log's order; raises `ValueError` where it is none."""
        domain, slash, slug = key.decode().partition("/")
        if not slash:
            raise ValueError("its key is no domain/slug")
        if value is None:
            self._remove(domain, slug)
            return
        link = _decode(value)
        _check(link, key)
        self._domains.setdefault(domain, {})[slug] = link

    def _remove(self, domain: str, slug: str) -> None:
        links = self._domains.get(domain, _NO_LINKS)
        links.pop(slug, None)
        if not links:
            self._domains.pop(domain, None)


@lru_cache(4096)
def host_name(host: str) -> str:
    """The host name of a `Host` header, empty where it has none that could be a link's."""
    try:
        return normalise_domain(host)
    except DomainError:
        return ""


def _check(link: Link, key: bytes) -> None:
    if link_key(link.domain, link.slug) != key:
        raise ValueError("its key is another link's")
    addresses = [link.destination, link.expired_url or link.destination, *(v.destination for v in link.variants)]
    if not all(map(_DESTINATION.fullmatch, addresses)):
        raise ValueError("a destination of it may not stand in a header")
