"""Who is let in, by the keys as they were read last. Pure: times are arguments."""

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime

from api.errors import Away, Unauthorized
from api.keys.caller import Caller
from api.keys.key import Key, digest, find, looks_like_one
from api.settings import ApiSettings

ANYBODY = Caller("anybody")
TOKEN = Caller("WEIR_API_TOKEN")


class Admission:
    """Callers by what they send. Keys that can't be read again stay good for `api_keys_seconds`, and no longer."""

    def __init__(self, settings: ApiSettings) -> None:
        token = settings.api_token.get_secret_value()
        self._token = digest(token) if token else ""
        self._open = settings.api_open
        self._anybody = settings.admits_anybody()
        self._seconds = settings.api_keys_seconds
        self._keys: Mapping[str, Key] = {}
        self._read_at: float | None = None

    def take(self, keys: Iterable[Key], read_at: float) -> None:
        """The keys as they stand in the table; `read_at` on a clock that never goes back, when reading began."""
        self._keys = {key.key_id: key for key in keys}
        self._read_at = read_at

    def knows(self, at: float) -> bool:
        """Whether the keys were read lately enough to go by."""
        return self._read_at is not None and at - self._read_at <= self._seconds

    def age(self, at: float) -> float:
        """Seconds since the keys were read; infinite before the first time."""
        return float("inf") if self._read_at is None else at - self._read_at

    def admit(self, authorization: str, *, now: datetime, at: float) -> Caller:
        """Who sends this header; `at` on the clock of `take`. Raises `Unauthorized`, or `Away` where nobody can say."""
        if not authorization:
            return self._nobody(at)
        scheme, _, text = authorization.partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer":
            raise Unauthorized("This is no key.", hint="Send `Authorization: Bearer` and the key.")
        if self._token and hmac.compare_digest(digest(text), self._token):
            return TOKEN
        if looks_like_one(text):
            self._must_know(at)
        key = find(self._keys, text)
        if key is None or key.state(now) != "valid":
            raise Unauthorized("This key is not valid.", hint="It may be revoked or expired: ask for a new one.")
        return key.caller

    def _nobody(self, at: float) -> Caller:
        """Without a key: let in where the API is open, or on loopback as long as nobody has ever made a key."""
        if self._open:
            return ANYBODY
        if self._anybody:
            self._must_know(at)
            if not self._keys:
                return ANYBODY
        raise Unauthorized(
            "This API wants a key.", hint="Send `Authorization: Bearer` and a key; `weir api-keys add` makes one."
        )

    def _must_know(self, at: float) -> None:
        if not self.knows(at):
            hint = "Try again in a few seconds; has `weir migrate` run?"
            raise Away("The keys can't be read: ClickHouse does not answer.", hint=hint, what="clickhouse")
