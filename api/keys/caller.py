"""The caller: who asks, what it may do and which domains it may see. Every endpoint that reads asks `caller_of`."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from api.dimensions import DIMENSIONS
from api.errors import Forbidden
from api.query.conditions import Condition, Test

IN_SCOPE = "weir.caller"
"""Where the gate puts the caller into a request's ASGI scope."""


class Scope(enum.StrEnum):
    """What a key may do; none contains another."""

    READ = "read"
    LINKS = "links"
    ADMIN = "admin"


READ = (Scope.READ,)
LINKS = (Scope.LINKS,)
SEE_LINKS = (Scope.READ, Scope.LINKS)
ADMIN = (Scope.ADMIN,)


@dataclass(frozen=True)
class Caller:
    """Whoever asks: a key, the installation's token, or anybody where the API is open."""

    name: str
    """The key's name; stands in the audit log."""
    key: str = ""
    """The key's id; empty where it is none of the table."""
    scopes: frozenset[Scope] = frozenset(Scope)
    domains: tuple[str, ...] | None = None
    """The domains that it may see and change; None: every one. Never empty."""

    def require(self, scopes: Iterable[Scope]) -> None:
        """Raises `Forbidden` without any of the scopes, or where they need sight of every domain."""
        wanted = [*scopes]
        if wanted and self.scopes.isdisjoint(wanted):
            names = " or ".join(f"`{scope}`" for scope in wanted)
            raise Forbidden(f"This needs a key of scope {names}.", hint="`weir api-keys add --scope` makes one.")
        if self.domains is not None and wanted == [Scope.ADMIN]:
            raise Forbidden("What this shows is of every domain, and this key is limited to some.")

    def sees(self, domain: str) -> bool:
        """Whether it may see what belongs to the domain (in the form of `normalise_domain`)."""
        return self.domains is None or domain in self.domains

    def conditions(self) -> tuple[Condition, ...]:
        """What every query of its must hold beside its own filters; nothing for one that sees every domain."""
        return () if self.domains is None else (Test(DIMENSIONS["domain"], "is", self.domains),)


def caller_of(request: HTTPConnection) -> Caller:
    """Who asks. There is one for every request that came through the gate; without it this raises `KeyError`."""
    caller: Caller = request.scope[IN_SCOPE]
    return caller
