"""The deed: write down what will be gone, delete it, have the rollups made anew, and search for what is left.

It may die at any point. From the first line on each offset is a row, or written down as erased, or both, and the ledger
counts the union; the request stays open until a search finds nothing, and run again it begins at the beginning.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from string import Template
from typing import Any

from clickhouse_connect.driver.client import Client

from warehouse.erasure.book import Erasure, State, erasures, write
from warehouse.failpoints import Failpoint, reach
from warehouse.replays import book as replays
from warehouse.sql import load

SEARCHED = ("events", "dead_letters", "links")
ROUNDS = 5
"""So often is it searched again where clicks of before the request are stored meanwhile."""
PAUSE = 0.1

Tell = Callable[[int, int], None]
"""Parts of the table that are done, of how many."""
Void = Callable[[Client, Sequence[int]], object]
"""Has what was rolled up of these hours of UTC (starts, Unix seconds) made anew; harmless twice."""


class ErasureRefused(Exception):
    """It can't be done now; the message says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Left:
    """What there is of it."""

    rows: int
    """Of `events`, as they were first judged."""
    judged_again: int
    """Of `events`, in other editions."""
    letters: int
    links: int
    """Rows of links that are deleted."""
    standing_links: int
    """Links that are not deleted: they keep their row."""
    came_back: int
    """Offsets that were erased and have a row again."""

    @property
    def nothing(self) -> bool:
        """Whether all is gone that is to go."""
        return not (self.rows or self.judged_again or self.letters or self.links or self.came_back)

    def as_dict(self) -> dict[str, int]:
        """As JSON has it."""
        return dataclasses.asdict(self)


def left(client: Client, erasure: Erasure) -> Left:
    """Search for it everywhere."""
    found = client.query(_of("erasure_left"), parameters=erasure.parameters).result_rows[0]
    terms, parameters = _places(client, erasure)
    standing = Template(load("erasure_standing")).substitute(places=" OR ".join(terms) or "false")
    return Left(*found, *client.query(standing, parameters=parameters).result_rows[0])


def erase(client: Client, erasure: Erasure, void: Void, tell: Tell = lambda _done, _all: None) -> Erasure:
    """Erase it, or go on with it; returns what the book says of it then.

    Raises `ErasureRefused`, and what clickhouse-connect does: then run it again.
    """
    write(client, dataclasses.replace(erasure, state=State.ERASING))
    _alone(client)
    found = left(client, erasure)
    gone = dataclasses.replace(erasure, letters=erasure.letters + found.letters, links=erasure.links + found.links)
    for _ in range(ROUNDS):
        client.command(_of("erasure_lines"), parameters=erasure.parameters)
        reach(Failpoint.AFTER_LINES)
        _delete(client, erasure, tell)
        reach(Failpoint.AFTER_DELETE)
        hours = client.query(load("erasure_hours"), parameters=erasure.parameters).result_rows
        if hours:
            void(client, [hour for hour, _ in hours])
        reach(Failpoint.AFTER_VOID)
        if left(client, erasure).nothing:
            rows, now = sum(rows for _, rows in hours), datetime.now(UTC)
            done = dataclasses.replace(gone, state=State.ERASED, rows=rows, searched=SEARCHED, checked_at=now)
            write(client, done)
            return done
    raise ErasureRefused("Clicks of before the request are still being stored: `weir erase again` when that is over.")


def check(client: Client, erasure: Erasure) -> tuple[Erasure, Left]:
    """Search again for what was erased, and write down when nothing was found, or that it is to be erased again."""
    found, now = left(client, erasure), datetime.now(UTC)
    if found.nothing:
        checked = dataclasses.replace(erasure, checked_at=now, searched=SEARCHED)
    else:
        checked = dataclasses.replace(erasure, state=State.ERASING)
    if erasure.state is State.ERASED:
        write(client, checked)
    return checked, found


def unfinished(client: Client) -> list[Erasure]:
    """Requests of which rows may be left."""
    return [erasure for erasure in erasures(client) if erasure.state is not State.ERASED]


def _alone(client: Client) -> None:
    """A replay that is being written would write rows again that it has read before."""
    for replay in replays.replays(client):
        if replay.state is replays.State.WRITING:
            raise ErasureRefused(
                f"Edition {replay.edition} is being written: let `weir replay` end, or `weir replay --drop"
                f" {replay.edition}`. The request is kept; then run `weir erase again`."
            )


def _delete(client: Client, erasure: Erasure, tell: Tell) -> None:
    terms, parameters = _places(client, erasure)
    # Of other editions what matches too, whether or not the ledger has a row of it.
    terms.append(f"edition != 0 AND {load('erasure_of')}")
    client.command(
        f"ALTER TABLE events DELETE WHERE {' OR '.join(f'({term})' for term in terms)}", parameters=parameters
    )
    _wait(client, erasure, tell)
    client.command("OPTIMIZE TABLE links FINAL")  # else older versions of a deleted link are left
    for table in ("dead_letters", "links"):
        condition = load("erasure_of_letters" if table == "dead_letters" else "erasure_of_links")
        settings = {"mutations_sync": 1}
        client.command(f"ALTER TABLE {table} DELETE WHERE {condition}", erasure.parameters, settings=settings)


def _places(client: Client, erasure: Erasure) -> tuple[list[str], dict[str, Any]]:
    """Conditions that are true for what is written down as erased, one a partition, and what they bind.

    A bitmap each, so that ten million offsets take megabytes and not a gigabyte.
    """
    parameters, terms = dict(erasure.parameters), []
    places = client.query(load("erasure_places"), parameters=parameters).result_rows
    for place, (topic_id, partition) in enumerate(places):
        parameters |= {f"topic_{place}": str(topic_id), f"partition_{place}": partition}
        terms.append(f"({Template(load('erasure_place')).substitute(place=place)})")
    return terms, parameters


def _wait(client: Client, erasure: Erasure, tell: Tell) -> None:
    most = 0
    while found := client.query(load("erasure_progress"), parameters=erasure.parameters).result_rows:
        parts, failure = found[0]
        if failure:
            raise ErasureRefused(f"ClickHouse can't delete the rows yet: {failure.partition(chr(10))[0]}")
        most = max(most, parts)
        tell(most - parts, most)
        time.sleep(PAUSE)


def _of(name: str) -> str:
    parts = {"rows": "erasure_of", "letters": "erasure_of_letters", "links": "erasure_of_links"}
    return Template(load(name)).substitute({part: f"({load(text)})" for part, text in parts.items()})
