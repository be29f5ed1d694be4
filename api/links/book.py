"""The book of links: every link there is, in memory, as the compacted topic `links` tells it."""

from bisect import bisect_left
from dataclasses import dataclass

import msgspec

from ingest.links import Link, link_id

_decode = msgspec.json.Decoder(Link).decode


@dataclass(frozen=True)
class Wanted:
    """Which links a list shows: all that is given must fit; `text` is searched for in slug, title and destination."""

    domain: str = ""
    campaign: str = ""
    tag: str = ""
    text: str = ""
    domains: tuple[str, ...] | None = None
    """What the caller may see; None: every domain."""

    def fits(self, link: Link) -> bool:
        """Whether the list shows it."""
        return (
            (self.domains is None or link.domain in self.domains)
            and (not self.domain or link.domain == self.domain)
            and (not self.campaign or link.campaign == self.campaign)
            and (not self.tag or self.tag in link.tags)
            and (not self.text or self.text in f"{link.slug}\n{link.title}\n{link.destination}".casefold())
        )


Cursor = tuple[int, str]
"""Where a page ends: when its last link was made, and its id."""


class LinkBook:
    """Links by id. Written by the follower's thread and read by others: each change is one dictionary operation."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        self._changes = 0
        self._listed: tuple[int, Wanted | None, list[Link]] = (0, None, [])
        """The last list: of which state of the book, which links, and these from the oldest on."""

    def record(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the topic; raises `ValueError` where it is none, and leaves the book as it is."""
        if value:
            self.put(_decode(value))
            return
        domain, slash, slug = key.decode().partition("/")
        if not slash:
            raise ValueError("its key is no domain/slug")
        self.drop(link_id(domain, slug))

    def put(self, link: Link) -> None:
        """Take a version of a link, unless a later one is there."""
        known = self._links.get(link.id)
        if known is None or known.version <= link.version:
            self._links[link.id] = link
            self._changes += 1

    def drop(self, id_: str) -> None:
        """Forget a link."""
        self._links.pop(id_, None)
        self._changes += 1

    def get(self, id_: str) -> Link | None:
        """The link of that id."""
        return self._links.get(id_)

    def page(self, wanted: Wanted, limit: int, after: Cursor | None) -> tuple[list[Link], int]:
        """A page of links, the newest first, and how many there are on all pages.

        Takes time by the book's size, but where the page before was of the same list and nothing has changed since.
        """
        listed = self._list(wanted)
        end = len(listed) if after is None else bisect_left(listed, after, key=cursor)
        return listed[max(end - limit, 0) : end][::-1], len(listed)

    def _list(self, wanted: Wanted) -> list[Link]:
        changes, listed_for, listed = self._listed
        if listed_for != wanted or changes != self._changes:
            changes = self._changes  # before the links are looked at: one that comes meanwhile makes the list old
            listed = sorted((link for link in list(self._links.values()) if wanted.fits(link)), key=cursor)
            self._listed = changes, wanted, listed
        return listed


def cursor(link: Link) -> Cursor:
    """The link's place in lists."""
    return link.created_at, link.id
