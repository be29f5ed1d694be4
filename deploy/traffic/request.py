"""One request of the plan: what is sent, and what must come of it."""

import enum
from dataclasses import dataclass, field


class Kind(enum.StrEnum):
    """What the generator meant by a request."""

    HUMAN = "human"
    """A person follows a link."""
    REPEAT = "repeat"
    """The same person on the same link again, at once."""
    PREFETCH = "prefetch"
    """A browser or mail program looks ahead, and says so."""
    HEAD = "head"
    """HEAD, as some mail programs send before GET."""
    BOT = "bot"
    """A crawler, or a script without a user agent."""
    SCANNER = "scanner"
    """One of several links of one mail, opened within moments by a mail gateway that looks like a browser."""
    ORPHAN = "orphan"
    """No link has this slug."""
    EXPIRED = "expired"
    DISABLED = "disabled"
    DIRTY = "dirty"
    """A person's click with broken bytes in query, user agent or referrer."""
    REFUSED = "refused"
    """What HTTP or the redirector refuses: another method, bytes that no address has."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a request must be counted as; empty where nothing is expected."""

    link: str = ""
    """Slug of a link that exists."""
    source: str = ""
    """Name of the source in `mix.yml`."""
    channel: str = ""
    country: str = ""
    device: str = ""
    position: int = 0
    position_of: int = 0
    slot: str = ""
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request; its text is sent as Latin-1, so that any byte can be in it."""

    kind: Kind
    target: str
    """Path and query as they are spelled."""
    headers: tuple[tuple[str, str], ...]
    """Without `Host`, which is the domain."""
    expected: Expected = field(default_factory=Expected)
    method: str = "GET"

    @property
    def row(self) -> bool:
        """Whether it leaves a row in `events`, whatever its outcome there."""
        return self.kind not in {Kind.HEAD, Kind.REFUSED}


Visit = tuple[Request, ...]
"""Requests of one visitor that follow each other on one connection."""
