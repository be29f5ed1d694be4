"""The import of a file of links: in batches through the API, all errors by their lines, all or nothing on request."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from api.client import ApiFailure, describe
from api.errors import Unconfirmed
from deploy.links.rows import Row

BATCH = 500
IN_FLIGHT = 4
"""Requests on their way at once, so that API and links agent need not wait for each other."""

Progress = Callable[[int], None]
"""Called with the number of rows that are done; with a negative one as links are taken back."""

Results = list[dict[str, Any]]


class LinkClient(Protocol):
    """What the import needs of the API's client, from several threads."""

    def add_links(self, links: list[dict[str, Any]], *, check_only: bool = False) -> Results:
        """An answer for each link."""

    def delete_link(self, id_: str) -> None:
        """Delete a link."""


@dataclass
class Outcome:
    """What became of a file."""

    made: list[str] = field(default_factory=list)
    """Ids of the links that were made and are there."""
    errors: list[tuple[int, str]] = field(default_factory=list)
    """Line and reason of each that was not, by line."""
    taken_back: int = 0
    """Links that were made and deleted again, because not all could be made."""
    failure: str = ""
    """Why it ended before its time."""
    unknown: list[int] = field(default_factory=list)
    """Lines that were sent and not answered: their links may have been made or not."""

    @property
    def complete(self) -> bool:
        """Whether every link was made."""
        return not self.errors and not self.failure


def import_rows(client: LinkClient, rows: Sequence[Row], progress: Progress) -> Outcome:
    """Make all links that can be made. An API that goes away is a `failure`, with what was done until then."""
    outcome = Outcome()
    _send_all(client, _without_doubles(rows), outcome, progress, check_only=False)
    outcome.errors.sort()
    return outcome


def import_all_or_nothing(client: LinkClient, rows: Sequence[Row], progress: Progress) -> Outcome:
    """Make all links, or none: first all are checked; if one is refused even so, what was made is deleted again."""
    rows = _without_doubles(rows)
    checked = Outcome()
    _send_all(client, rows, checked, progress, check_only=True)
    if not checked.complete:
        return Outcome(errors=sorted(checked.errors), failure=checked.failure)
    outcome = Outcome()
    _send_all(client, rows, outcome, progress, stop_at_errors=True)
    return outcome if outcome.complete else _taken_back(client, outcome, progress)


def _send_all(
    client: LinkClient,
    rows: Iterable[Row],
    outcome: Outcome,
    progress: Progress,
    *,
    check_only: bool = False,
    stop_at_errors: bool = False,
) -> None:
    """Send all rows, a few batches at once; after a failure no more, but what was sent is waited for."""
    batches, sent = _batches(rows), deque[tuple[list[Row], Future[Results]]]()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        while True:
            stops = outcome.failure or (stop_at_errors and outcome.errors)
            for batch in islice(batches, 0 if stops else IN_FLIGHT - len(sent)):
                good = [row.link for row in batch if not row.error]
                sent.append((batch, pool.submit(_add, client, good, check_only)))
            if not sent:
                return
            batch, results = sent.popleft()
            try:
                _note(batch, results.result(), outcome)
            except ApiFailure as failure:
                outcome.failure = outcome.failure or str(failure)
                outcome.unknown += [row.line for row in batch if not row.error]
            progress(len(batch))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _add(client: LinkClient, links: Results, check_only: bool) -> Results:
    return client.add_links(links, check_only=check_only) if links else []


def _note(batch: list[Row], answers: Results, outcome: Outcome) -> None:
    results = iter(answers)
    for row in batch:
        result = {"error": {"message": row.error}} if row.error else next(results)
        error = result.get("error")
        if error is None:
            outcome.made.append(result["link"]["id"])
            continue
        outcome.errors.append((row.line, describe(error)))
        if error.get("code") == Unconfirmed.code:
            outcome.unknown.append(row.line)


def _without_doubles(rows: Sequence[Row]) -> list[Row]:
    """The rows, with an error where a slug stands in the file already: which of them is meant, nobody knows."""
    first: dict[tuple[object, object], int] = {}
    return [row if row.error else _single(row, first) for row in rows]


def _single(row: Row, first: dict[tuple[object, object], int]) -> Row:
    slug, domain = row.link.get("slug"), row.link.get("domain")
    if not (isinstance(slug, str) and slug and isinstance(domain, str | None)):
        return row
    line = first.setdefault((domain and domain.lower(), slug), row.line)
    return row if line == row.line else Row(row.line, error=f"slug: `{slug}` stands in line {line} already")


def _taken_back(client: LinkClient, outcome: Outcome, progress: Progress) -> Outcome:
    back = Outcome(errors=sorted(outcome.errors), failure=outcome.failure, unknown=outcome.unknown)

    def delete(id_: str) -> str:
        try:
            client.delete_link(id_)
        except ApiFailure as failure:
            back.failure = back.failure or str(failure)
            return id_
        progress(-1)
        return ""

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        back.made = [id_ for id_ in pool.map(delete, outcome.made) if id_]
    back.taken_back = len(outcome.made) - len(back.made)
    return back
