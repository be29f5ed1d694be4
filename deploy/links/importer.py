"""The import of a file of links: in batches through the API, all errors by their lines, all or nothing on request."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from api.client import describe
from deploy.links.rows import Row

BATCH = 500

Progress = Callable[[int], None]
"""Called with the number of rows that are done."""


class LinkClient(Protocol):
    """What the import needs of the API's client."""

    def add_links(self, links: list[dict[str, Any]], *, check_only: bool = False) -> list[dict[str, Any]]:
        """An answer for each link."""

    def delete_link(self, id_: str) -> None:
        """Delete a link."""


@dataclass
class Outcome:
    """What became of a file."""

    made: list[str] = field(default_factory=list)
    """Ids of the links that were made."""
    errors: list[tuple[int, str]] = field(default_factory=list)
    """Line and reason of each that was not, by line."""
    taken_back: int = 0
    """Links that were made and deleted again, because not all could be made."""


def import_rows(client: LinkClient, rows: Iterable[Row], progress: Progress) -> Outcome:
    """Make all links that can be made."""
    outcome = Outcome()
    for batch in _batches(rows):
        _send(client, batch, outcome, check_only=False)
        progress(len(batch))
    return outcome


def import_all_or_nothing(client: LinkClient, rows: Sequence[Row], progress: Progress) -> Outcome:
    """Make all links, or none: first all are checked; if one is refused even so, what was made is deleted again."""
    checked = Outcome(errors=_twice(rows))
    for batch in _batches(rows):
        _send(client, batch, checked, check_only=True)
        progress(len(batch))
    if checked.errors:
        return Outcome(errors=sorted(checked.errors))
    outcome = Outcome()
    for batch in _batches(rows):
        _send(client, batch, outcome, check_only=False)
        progress(len(batch))
        if outcome.errors:
            return _taken_back(client, outcome)
    return outcome


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _send(client: LinkClient, batch: list[Row], outcome: Outcome, *, check_only: bool) -> None:
    good = [row.link for row in batch if not row.error]
    results = iter(client.add_links(good, check_only=check_only) if good else [])
    for row in batch:
        error = row.error
        if not error:
            result = next(results)
            error = describe(result["error"]) if "error" in result else ""
        if error:
            outcome.errors.append((row.line, error))
        else:
            outcome.made.append(result["link"]["id"])


def _twice(rows: Sequence[Row]) -> list[tuple[int, str]]:
    """Slugs that stand in the file more than once: the check asks for each link by itself and can't see them."""
    first: dict[tuple[object, object], int] = {}
    errors = []
    for row in rows:
        slug = row.link.get("slug")
        if slug and (line := first.setdefault((row.link.get("domain"), slug), row.line)) != row.line:
            errors.append((row.line, f"slug: `{slug}` stands in line {line} already"))
    return errors


def _taken_back(client: LinkClient, outcome: Outcome) -> Outcome:
    for id_ in outcome.made:
        client.delete_link(id_)
    return Outcome(errors=outcome.errors, taken_back=len(outcome.made))
