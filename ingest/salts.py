"""The salts of the days: random, shared by all redirectors through the topic `salts`, and gone after 48 hours.

A day is one of the installation's time zone. The first record of a day wins, so redirectors need no leader: whoever
misses a day's salt publishes one, and everybody uses the one that stands first in the log. Nobody uses a salt before it
has come back from there. Until then a salt of the process's own stands in, and ids made with it are marked.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from ingest.visitor import Ids

SALT_BYTES = 32
AHEAD_MS = 12 * 3_600_000
"""How long before its day a salt is published. With the day it makes 37 hours at most, so that the topic, which keeps
records for 48, still has the day's first record when the day ends."""


RETRY_SECONDS = 60.0
"""How long a salt that was published may take to come back from Kafka before another is published."""


class SaltRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The value on the topic `salts`; its key is the day."""

    day: date
    salt: Annotated[bytes, Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
    """In base64."""


class Salt(NamedTuple):
    """A salt, ready for use, and the time in which it is the day's, Unix milliseconds, half-open."""

    day: str
    ids: Ids
    local: bool
    start: int
    end: int


_NEVER = Salt("", Ids(b""), False, 0, 0)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(SaltRecord).decode


class Salts:
    """The salts that this process knows. `read` may run in another thread than the rest."""

    def __init__(self, zone: ZoneInfo, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._zone = zone
        self._random = random
        self._shared: dict[str, bytes] = {}
        self._own: dict[str, bytes] = {}
        self._waited: dict[bytes, float] = {}
        self._current = _NEVER

    def at(self, ts: int) -> Salt:
        """The salt of the day in which `ts` (Unix milliseconds) lies."""
        current = self._current
        if current.start <= ts < current.end and not (current.local and current.day in self._shared):
            return current
        self._current = self._of(self._date(ts))
        return self._current

    def read(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the topic, in the log's order; raises `ValueError` where it is none."""
        record = _decode(value or b"")
        if record.day.isoformat().encode() != key:
            raise ValueError("its key is not its day")
        self._shared.setdefault(record.day.isoformat(), record.salt)

    def wanted(self, ts: int) -> list[tuple[bytes, bytes]]:
        """Keys and values of the records to publish now: today's, and tomorrow's in time, where there is none yet.

        Forgets the salts of days that began 48 hours ago or earlier.
        """
        today = self._date(ts)
        self._forget(before=today - timedelta(days=1))
        self._current = _NEVER
        days = dict.fromkeys((today, self._date(ts + AHEAD_MS)))
        return [_record(day, self._random(SALT_BYTES)) for day in days if day.isoformat() not in self._shared]

    def due(self, ts: int, clock: float) -> list[tuple[bytes, bytes]]:
        """What is `wanted` and was not given out here in the last minute; `clock` is one that nobody sets, in seconds.

        Each day has a minute of its own: where the machine's clock jumps, another day's salt is wanted at once.
        """
        self._waited = {key: until for key, until in self._waited.items() if until > clock}
        due = [(key, value) for key, value in self.wanted(ts) if key not in self._waited]
        self._waited.update((key, clock + RETRY_SECONDS) for key, _ in due)
        return due

    def _forget(self, before: date) -> None:
        for salts in (self._shared, self._own):
            for day in [day for day in salts if date.fromisoformat(day) < before]:
                del salts[day]

    def _of(self, day: date) -> Salt:
        name = day.isoformat()
        shared = self._shared.get(name)
        key = shared or self._own.setdefault(name, self._random(SALT_BYTES))
        return Salt(name, Ids(key), shared is None, self._midnight(day), self._midnight(day + timedelta(days=1)))

    def _date(self, ts: int) -> date:
        return datetime.fromtimestamp(ts / 1000, UTC).astimezone(self._zone).date()

    def _midnight(self, day: date) -> int:
        return int(datetime.combine(day, time.min, self._zone).timestamp()) * 1000


def _record(day: date, salt: bytes) -> tuple[bytes, bytes]:
    return day.isoformat().encode(), _encode(SaltRecord(day=day, salt=salt))
