"""The book of erasures: what was asked for, and what was found when it was searched for afterwards.

A recipient and a visitor stand in it as a digest under a salt of the request's own, so that the book can be searched by
and does not tell who it was.
"""

import dataclasses
import enum
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from clickhouse_connect.driver.client import Client

from warehouse.sql import load

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_DAY = date(1970, 1, 1)


class What(enum.StrEnum):
    """What can be erased."""

    LINK = "link"
    DOMAIN = "domain"
    RECIPIENT = "recipient"
    VISITOR = "visitor"


FIELDS: Mapping[What, str] = {
    What.LINK: "link_id",
    What.DOMAIN: "domain",
    What.RECIPIENT: "recipient",
    What.VISITOR: "visitor_id",
}
"""Where a raw click has it, by which dead letters are searched."""


class State(enum.StrEnum):
    """How far an erasure is."""

    ERASING = "erasing"
    """It was asked for; rows may be left."""
    ERASED = "erased"
    """Nothing was left, as was checked."""


@dataclasses.dataclass(frozen=True)
class Erasure:
    """One request, and what came of it."""

    id: UUID
    what: What
    subject: str
    """Of a link its id, of a domain its name; else the digest of what was named."""
    asked_at: datetime
    day: date = NO_DAY
    """Of a visitor: the day of the salt."""
    state: State = State.ERASING
    rows: int = 0
    """Rows of `events` that are gone, as they were first judged."""
    letters: int = 0
    links: int = 0
    searched: tuple[str, ...] = ()
    """Tables in which nothing was left."""
    checked_at: datetime | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """As the SQL files name them."""
        return {
            "erasure": str(self.id),
            "what": self.what.value,
            "subject": self.subject,
            "link": self.subject if self.what is What.LINK else "",
            "day": self.day,
            "before": round(self.asked_at.timestamp() * 1000),
            "field": FIELDS[self.what],
        }


def asked(what: What, name: str, day: date | None = None) -> Erasure:
    """A new request: of a link its id (16 hexadecimal digits), of a visitor its number in decimal digits."""
    erasure, now = uuid4(), datetime.now(UTC)
    if what is What.VISITOR:
        name = f"{int(name):016x}"
    subject = name if what in {What.LINK, What.DOMAIN} else digest(erasure, name)
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return Erasure(erasure, what, subject, at, day or NO_DAY)


def digest(erasure: UUID, name: str) -> str:
    """What the book keeps of a name."""
    return hashlib.sha256(f"{erasure}{name}".encode()).hexdigest()


def erasures(client: Client, *ids: UUID) -> list[Erasure]:
    """All of them, or some, the oldest first."""
    return [_erasure(row) for row in client.query(load("erasures"), parameters={"ids": list(ids)}).result_rows]


def write(client: Client, erasure: Erasure) -> None:
    """Write down how far it is."""
    row = dataclasses.asdict(erasure)
    row["erasure"] = row.pop("id")
    row |= {"what": erasure.what.value, "state": erasure.state.value, "searched": list(erasure.searched)}
    row["checked_at"] = erasure.checked_at or EPOCH
    client.insert("erasures", [list(row.values())], column_names=list(row), settings={"async_insert": 0})


def _erasure(row: Sequence[Any]) -> Erasure:
    id_, state, what, subject, day, asked_at, rows, letters, links, searched, checked_at = row
    asked_at, checked_at = asked_at.replace(tzinfo=UTC), checked_at.replace(tzinfo=UTC)
    checked = None if checked_at == EPOCH else checked_at
    return Erasure(
        id_, What(what), subject, asked_at, day, State(state), rows, letters, links, tuple(searched), checked
    )
