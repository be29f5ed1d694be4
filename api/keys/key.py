"""The key: `weir_`, eight digits by which it is recognised, and 192 random bits. Only its hash is stored."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.keys.caller import Caller, Scope

_KEY = re.compile(r"weir_(?P<id>[0-9a-f]{8})_[0-9a-f]{48}")
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Key:
    """A row of `api_keys`."""

    key_id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    domains: tuple[str, ...]
    """Empty: every domain."""
    created_at: datetime
    expires_at: datetime = NEVER
    revoked_at: datetime = NEVER

    def state(self, now: datetime) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at != NEVER:
            return "revoked"
        return "expired" if NEVER != self.expires_at <= now else "valid"

    @property
    def caller(self) -> Caller:
        """Whoever holds it; a scope that this release does not know is none."""
        scopes = frozenset(Scope(scope) for scope in self.scopes if scope in {*Scope})
        return Caller(self.name, self.key_id, scopes, self.domains or None)

    def shown(self, now: datetime) -> dict[str, Any]:
        """All about it but its hash, as JSON has it."""
        return {
            "key": self.key_id,
            "name": self.name,
            "scopes": [*self.scopes],
            "domains": [*self.domains],
            "state": self.state(now),
            "created_at": self.created_at.isoformat(),
            "expires_at": None if self.expires_at == NEVER else self.expires_at.isoformat(),
            "revoked_at": None if self.revoked_at == NEVER else self.revoked_at.isoformat(),
        }


def make(
    name: str, scopes: Iterable[Scope], domains: Iterable[str], *, now: datetime, expires_at: datetime = NEVER
) -> tuple[Key, str]:
    """A new key and its text, which nobody can read again."""
    key_id = secrets.token_hex(4)
    text = f"weir_{key_id}_{secrets.token_hex(24)}"
    return Key(key_id, name, digest(text), (*scopes,), (*domains,), now, expires_at), text


def digest(text: str) -> str:
    """SHA-256, hexadecimal: enough for what is random and long, where a password would need a slow hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def find(keys: Mapping[str, Key], text: str) -> Key | None:
    """The key of that text, valid or not; how long it takes says nothing about the secret in it."""
    match = _KEY.fullmatch(text)
    found = keys.get(match["id"]) if match else None
    fits = hmac.compare_digest(digest(text), found.digest if found else digest(""))
    return found if fits else None


def looks_like_one(text: str) -> bool:
    """Whether it has the form of a key."""
    return bool(_KEY.fullmatch(text))
