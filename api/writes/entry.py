"""A line of the audit log: one write, and what was there before and after it."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

TABLE = "api_writes"
PAGE = Path(__file__).with_name("page.sql").read_text()


@dataclasses.dataclass(frozen=True)
class Write:
    """A row of `api_writes`; `before` and `after` are JSON, empty where there is nothing."""

    action: str
    object: str
    status: int
    key_name: str
    key_id: str = ""
    request_id: str = ""
    domain: str = ""
    before: str = ""
    after: str = ""
    at: datetime = dataclasses.field(default_factory=lambda: datetime.now(UTC))
    id: UUID = dataclasses.field(default_factory=uuid4)

    @property
    def moment(self) -> int:
        """When, Unix milliseconds."""
        return round(self.at.replace(tzinfo=UTC).timestamp() * 1000)

    def shown(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **dataclasses.asdict(self),
            "id": str(self.id),
            "at": self.at.replace(tzinfo=UTC).isoformat(timespec="milliseconds"),
            "before": json.loads(self.before) if self.before else None,
            "after": json.loads(self.after) if self.after else None,
        }


FIELDS = tuple(field.name for field in dataclasses.fields(Write))


def row(write: Write) -> list[Any]:
    """The values of `FIELDS`."""
    return [getattr(write, name) for name in FIELDS]


def as_text(state: Mapping[str, Any] | None) -> str:
    """What there is as a line's `before` or `after`."""
    return "" if state is None else json.dumps(state, ensure_ascii=False, default=str)
