"""What one second of a feed says, as it goes over the wire (server-sent events of the HTML standard). Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tick:
    """One second of a feed."""

    number: int
    """Counts the feed's ticks."""
    id: int
    """What `Last-Event-ID` names: Unix seconds, so that another process understands it too; it only rises."""
    body: bytes


def tick(number: int, id_: int, figures: Mapping[str, Any], clicks: list[Mapping[str, Any]]) -> Tick:
    """The new clicks, if there are any, and then the figures: they carry the id, so nothing before it is missed."""
    events = [_event("clicks", clicks)] if clicks else []
    return Tick(number, id_, b"".join([*events, _event("figures", figures, id_)]))


def trouble(number: int, id_: int, error: Mapping[str, Any]) -> Tick:
    """The feed can't say anything for the moment; `error` in the API's shape."""
    return Tick(number, id_, _event("trouble", error, id_))


def _event(name: str, data: object, id_: int | None = None) -> bytes:
    """JSON has no line breaks of its own, so the data are one line."""
    lines = [f"event: {name}", *([] if id_ is None else [f"id: {id_}"]), f"data: {json.dumps(data)}"]
    return "\n".join([*lines, "\n"]).encode()


class Fresh:
    """Tells the clicks that were not there a second ago from those that were."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def among(self, newest: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those of the newest clicks that are new, the oldest first."""
        found = {str(click["click_id"]): click for click in newest}
        fresh = [click for id_, click in reversed(found.items()) if id_ not in self._seen]
        # What is no longer among the newest does not come back: it only gets older.
        self._seen = set(found)
        return fresh
