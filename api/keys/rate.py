"""How many requests a key may make: a bucket a key, which fills again evenly. Counted in each process by itself."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

WINDOW = 60.0
"""Seconds in which an empty bucket is full again."""


@dataclass(frozen=True)
class Turn:
    """What became of a request: whether it is let through, and how the bucket stands."""

    allowed: bool
    quota: int
    left: int
    wait: float
    """Seconds until there is room for one more."""

    @property
    def headers(self) -> Mapping[str, str]:
        """`RateLimit-Policy` and `RateLimit`, as the IETF's draft has them (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "ratelimit-policy": f'"key";q={self.quota};w={WINDOW:.0f}',
            "ratelimit": f'"key";r={self.left};t={math.ceil(self.wait)}',
        }


class Rates:
    """The buckets. Of each only the time is kept at which it is full again (the generic cell rate algorithm)."""

    def __init__(self, per_minute: int) -> None:
        self._quota = per_minute
        self._price = WINDOW / per_minute if per_minute else 0.0
        self._full_at: dict[str, float] = {}

    def take(self, key: str, at: float) -> Turn | None:
        """A request of a key at `at`, seconds of a clock that never goes back; None: there is no limit."""
        if not self._quota:
            return None
        full_at = max(self._full_at.get(key, at), at) + self._price
        # What a refused request asks for is not taken: to knock again does not push the door further shut.
        allowed = full_at - at <= WINDOW + 1e-9
        if allowed:
            self._full_at[key] = full_at
        else:
            full_at -= self._price
        left = max(int((WINDOW - (full_at - at)) / self._price + 1e-9), 0)
        wait = max(full_at + self._price - at - WINDOW, 0.0)
        return Turn(allowed, self._quota, left, wait)
