"""Erasures as a person reads them, and as JSON has them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from warehouse.erasure.book import Erasure, State, What
from warehouse.erasure.run import Left


def as_dict(erasure: Erasure) -> dict[str, Any]:
    """One erasure; `from_dict` reads its request again."""
    return {
        "erasure": str(erasure.id),
        "what": erasure.what.value,
        "subject": erasure.subject,
        "day": erasure.day.isoformat() if erasure.what is What.VISITOR else None,
        "asked_at": erasure.asked_at.isoformat(),
        "state": erasure.state.value,
        "rows": erasure.rows,
        "letters": erasure.letters,
        "links": erasure.links,
        "nothing_left_in": list(erasure.searched) if erasure.state is State.ERASED else [],
        "checked_at": erasure.checked_at.isoformat() if erasure.checked_at else None,
    }


def from_dict(found: Mapping[str, Any]) -> Erasure:
    """A request, with nothing done about it yet."""
    what, at = What(found["what"]), datetime.fromisoformat(found["asked_at"]).astimezone(UTC)
    erasure = Erasure(UUID(found["erasure"]), what, found["subject"], at)
    return Erasure(erasure.id, what, erasure.subject, at, date.fromisoformat(found["day"] or str(erasure.day)))


def show_left(found: Left, console: Console) -> None:
    """What there is of it."""
    console.print(
        f"{found.rows:,} rows of events ({found.judged_again:,} more of them in other editions),"
        f" {found.letters:,} dead letters, {found.links:,} rows of deleted links."
    )
    if found.standing_links:
        console.print(
            f"{found.standing_links:,} links still stand and keep their rows: delete them first if they must go."
        )


def show_erasures(found: Sequence[Erasure], console: Console) -> None:
    """The book; a line each."""
    table = Table("erasure", "what", "asked (UTC)", "rows", "letters", "links", "nothing left, as of (UTC)", box=None)
    for one in found:
        subject = one.subject if one.what in {What.LINK, What.DOMAIN} else f"digest {one.subject[:12]}…"
        checked = f"{one.checked_at:%Y-%m-%d %H:%M:%S}" if one.checked_at else ""
        proof = f"{checked} in {', '.join(one.searched)}" if one.state is State.ERASED else "not finished"
        numbers = (f"{number:,}" for number in (one.rows, one.letters, one.links))
        table.add_row(str(one.id), f"{one.what} {subject}", f"{one.asked_at:%Y-%m-%d %H:%M:%S}", *numbers, proof)
    console.print(table)
