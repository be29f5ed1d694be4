"""Sent against counted: a manifest held against the rows of `events`, joined by click id. Pure but for `fetch`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from deploy.traffic.manifest import Record
from deploy.traffic.request import Kind
from ingest.links import link_id
from warehouse.events import Outcome

SHOWN_PROBLEMS = 5
MEANT = {
    Kind.HUMAN: Outcome.HUMAN,
    Kind.REPEAT: Outcome.REPEAT,
    Kind.PREFETCH: Outcome.PREFETCH,
    Kind.BOT: Outcome.BOT,
    Kind.SCANNER: Outcome.BOT,
    Kind.ORPHAN: Outcome.ORPHAN,
    Kind.EXPIRED: Outcome.EXPIRED,
    Kind.DISABLED: Outcome.DISABLED,
}
"""What a request should count as; nothing is expected of the others."""


class Row(NamedTuple):
    """One row of `events`."""

    id: str
    outcome: str
    link: int
    channel: str
    country: str
    city: str
    device: str
    position: int
    position_of: int
    slot: str


@dataclass
class Agreement:
    """Of one field: how many rows have what the generator expects."""

    compared: int = 0
    agreed: int = 0
    differences: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(expected, counted) → rows."""


@dataclass
class Comparison:
    """What became of everything that was sent."""

    sent: Counter[Kind] = field(default_factory=Counter)
    """Requests of each kind that must be one row each."""
    outcomes: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    """(kind, outcome) → rows."""
    missing: list[Record] = field(default_factory=list)
    """Sent, answered, and in no row."""
    doubled: list[Record] = field(default_factory=list)
    """In several rows that all count."""
    unasked: list[Record] = field(default_factory=list)
    """In a row, though they should have left none."""
    unanswered: int = 0
    """Sent without an answer: one row or none, nobody can say which."""
    fields: Mapping[str, Agreement] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        """Every request that had to be a row is one, and no other."""
        return not (self.missing or self.doubled or self.unasked)


def fetch(client: Client, start: int) -> list[Row]:
    """The rows of all requests from `start` (Unix milliseconds) on."""
    sql = resources.files(__package__).joinpath("counted.sql").read_text(encoding="utf-8")
    return [Row(*values) for values in client.query(sql, parameters={"start": start}).result_rows]


def compare(records: Iterable[Record], rows: Sequence[Row], domain: str) -> Comparison:
    """Hold the manifest against the rows; `domain` is the one that was asked for."""
    by_id: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_id[row.id].append(row)
    found = Comparison(fields=defaultdict(Agreement))
    for record in records:
        _place(record, by_id.get(record.click_id, []) if record.click_id else [], found)
        for row in by_id.get(record.click_id, [])[:1]:
            _compare_fields(record, row, found, domain)
    return found


def _place(record: Record, rows: Sequence[Row], found: Comparison) -> None:
    if record.status == 0:
        found.unanswered += 1
        return
    for row in rows:
        found.outcomes[record.kind, row.outcome] += 1
    counting = [row for row in rows if row.outcome != Outcome.DUPLICATE]
    if not record.row:
        found.unasked += [record] * bool(rows)
        return
    found.sent[record.kind] += 1
    if not counting:
        found.missing.append(record)
    elif len(counting) > 1:
        found.doubled.append(record)


def _compare_fields(record: Record, row: Row, found: Comparison, domain: str) -> None:
    for name in ("channel", "country", "device", "position", "position_of", "slot"):
        expected, counted = getattr(record, name), getattr(row, name)
        if expected:
            _note(found, name, expected, counted)
    if record.kind in MEANT:
        _note(found, "outcome", MEANT[record.kind].value, row.outcome)
    if record.link:
        _note(
            found, "link", record.link, record.link if row.link == int(link_id(domain, record.link), 16) else "another"
        )


def _note(found: Comparison, name: str, expected: object, counted: object) -> None:
    agreement = found.fields[name]
    agreement.compared += 1
    if expected == counted:
        agreement.agreed += 1
    else:
        agreement.differences[str(expected), str(counted)] += 1
