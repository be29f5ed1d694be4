"""The links in memory: (domain, slug) → what a redirect needs of the link, as the topic `links` has it now."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ingest.links import DomainError, Target, normalise_domain
from ingest.linkstore.packed import entry, unpack

_SHARDS = 256
_MASK = _SHARDS - 1
"""One dictionary of a million entries stops everything for a fifth of a second each time that it grows; a part of it
grows in less than a millisecond."""


class _Table:
    """Packed links by `domain/slug`. One thread writes and others read: each change is one step of a dictionary."""

    def __init__(self) -> None:
        self.parts: list[dict[str, bytes]] = [{} for _ in range(_SHARDS)]
        self.domains = Counter[str]()
        """How many links a domain has; one that has none is not in it."""

    def put(self, name: str, packed: bytes | None) -> None:
        part = self.parts[hash(name) & _MASK]
        known = name in part
        if packed is not None:
            part[name] = packed
            if not known:
                self.domains[_domain(name)] += 1
        elif known:
            del part[name]
            self._less(_domain(name))

    def load(self, links: Mapping[str, bytes]) -> None:
        parts = self.parts
        for name, packed in links.items():
            if packed:
                parts[hash(name) & _MASK][name] = packed
            else:
                parts[hash(name) & _MASK].pop(name, None)

    def count_domains(self) -> None:
        for part in self.parts:
            self.domains.update([name.partition("/")[0] for name in part])

    def _less(self, domain: str) -> None:
        self.domains[domain] -= 1
        if not self.domains[domain]:
            del self.domains[domain]


class LinkStore:
    """All links. One thread may write (all but `domain`, `get` and `len`) while others read."""

    def __init__(self, default_domain: str) -> None:
        self._default = default_domain
        self._served = self._filled = _Table()

    def __len__(self) -> int:
        return sum(map(len, self._served.parts))

    def domain(self, host: str) -> str:
        """The domain that answers for a `Host` header: the host itself where a link has it, else the default."""
        name = host_name(host)
        return name if name in self._served.domains else self._default

    def get(self, domain: str, slug: str) -> Target | None:
        """What a redirect needs of the link, or None."""
        packed = self.packed(f"{domain}/{slug}")
        return None if packed is None else unpack(packed)

    def packed(self, name: str) -> bytes | None:
        """The same by the link's `domain/slug`, and packed (see `ingest.linkstore.packed`)."""
        return self._served.parts[hash(name) & _MASK].get(name)

    def read(self, key: bytes, value: bytes | None) -> tuple[str, bytes | None]:
        """Take a record of the topic, in the log's order; raises `ValueError` where it is none.

        Returns the link's `domain/slug`, and the link packed (None: it is deleted).
        """
        name, packed = entry(key, value)
        self._filled.put(name, packed)
        return name, packed

    def load(self, links: Mapping[str, bytes]) -> None:
        """Take packed links by `domain/slug` (empty: deleted); their domains are found only after `count_domains`."""
        self._filled.load(links)

    def count_domains(self) -> None:
        """Count the domains of what was loaded; once, before any record is read."""
        self._filled.count_domains()

    def start_over(self, *, serve_on: bool) -> None:
        """All links come anew. Until `settle`, readers find the old ones (`serve_on`), or those that have come."""
        self._filled = _Table()
        if not serve_on:
            self._served = self._filled

    def settle(self) -> None:
        """All links have come: readers find them."""
        self._served = self._filled

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Every link that has come. Between two of them records may be read: a change is then seen or not."""
        for part in self._filled.parts:
            yield from list(part.items())


@lru_cache(4096)
def host_name(host: str) -> str:
    """The host name of a `Host` header, empty where it has none that could be a link's."""
    try:
        return normalise_domain(host)
    except DomainError:
        return ""


def _domain(name: str) -> str:
    return name[: name.index("/")]
