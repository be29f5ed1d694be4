"""The shortcut: from a request's head to the answer of a plain click, and its event on its way.

It and `ingest.plain` are what nearly every request passes, and are compiled where that is wanted (`setup.py`).
"""

import time
from collections.abc import Callable, Sequence

from ingest.address import Clients
from ingest.capture import PURPOSES
from ingest.linkstore import LinkStore
from ingest.plain import click, is_plain
from ingest.replies import is_everywhere, redirection
from ingest.salts import Salts
from ingest.sequence import Stamp
from ingest.visitor import objects

_PURPOSES = frozenset(PURPOSES)


def is_compiled() -> bool:
    """Whether this is machine code and not plain Python."""
    return __file__.endswith(".so")


Put = Callable[[bytes, bytes, int, bytes], None]
"""Takes the event of the upcoming stamp, its key, its time and its address id."""


class Shortcut:
    """Answers plain clicks, and leaves all else alone."""

    def __init__(
        self,
        links: LinkStore,
        salts: Salts,
        clients: Clients,
        *,
        behind_proxy: bool,
        honour_opt_out: bool,
        upcoming: Callable[[], Stamp],
        put: Put,
    ) -> None:
        self._links, self._salts, self._clients = links, salts, clients
        self._behind_proxy, self._honour_opt_out = behind_proxy, honour_opt_out
        self._upcoming, self._put = upcoming, put

    def answer(
        self, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]], peer: str, date: bytes
    ) -> bytes | None:
        """The whole answer to a GET, whose event is handed over by then; None: it is no plain click, nothing is done.

        `path` is as it was spelled, `date` a header line, and the rest as in an ASGI scope.
        """
        by_name = dict(headers)
        if len(by_name) < len(headers) or "%" in path or not _PURPOSES.isdisjoint(by_name) or is_everywhere(path):
            return None
        ts = time.time_ns() // 1_000_000
        domain = self._links.domain(by_name.get(b"host", b"").decode("latin-1"))
        link = self._links.get(domain, path[1:])
        if link is None or not is_plain(link, ts):
            return None
        forwarded = by_name.get(b"x-forwarded-for") if self._behind_proxy else None
        address = self._clients.client(peer, () if forwarded is None else (forwarded,))
        if not address.network:
            return None
        opted_out = self._honour_opt_out and objects(by_name)
        src, seq = self._upcoming()
        salt = self._salts.at(ts)
        location, event, key, address_id = click(
            link, path.encode(), query, by_name, domain, address, salt, opted_out, ts, src, seq
        )
        self._put(event, key, ts, address_id)
        return redirection(link.status, date, location, link.referrer_policy)
