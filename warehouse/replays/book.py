"""The book of replays: which editions of history there are, what they cover, and which are in the answers.

A number is given, and a switch made, by one insert of one row under a token that only one writer can use, and is read
again afterwards: of two that try at once, one is told.
"""

import dataclasses
import enum
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from clickhouse_connect.driver.client import Client

from warehouse.replays.layers import Arrays, Layer, Ranges, layers, packed, ranges_of, unpacked
from warehouse.sql import load

DROP_AFTER = timedelta(minutes=2)
"""How long after a switch away from an edition its rows stay in any case: answers that began before it read them."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ReplayRefused(Exception):
    """What was asked for can't be done; the message says why, and what to do."""


class State(enum.StrEnum):
    """How far an edition is."""

    WRITING = "writing"
    WRITTEN = "written"
    DROPPED = "dropped"


@dataclasses.dataclass(frozen=True)
class Replay:
    """One edition of history."""

    edition: int
    state: State
    asked_from: datetime
    asked_to: datetime | None
    """None: up to the time at which it was begun."""
    rules_version: str
    ranges: Ranges
    started_at: datetime

    @property
    def rows(self) -> int:
        """How many offsets it covers."""
        return sum(map(len, self.ranges.values()))

    @property
    def comment(self) -> str:
        """`log_comment` of every insert into it, by which settling finds them."""
        return f"weir replay {self.edition}"


@dataclasses.dataclass(frozen=True)
class Switch:
    """Which editions are in the answers, the later ones before the earlier."""

    version: int = 0
    stack: tuple[int, ...] = ()


def replays(client: Client) -> list[Replay]:
    """All editions, in the order of their numbers."""
    return [_replay(row) for row in client.query(load("replays")).result_rows]


def switched(client: Client) -> Switch:
    """What is in the answers now."""
    found = client.query("SELECT version, stack FROM editions ORDER BY version DESC LIMIT 1").result_rows
    return Switch(found[0][0], tuple(found[0][1])) if found else Switch()


def begin(
    client: Client, ranges: Ranges, rules_version: str, *, asked_from: datetime, asked_to: datetime | None
) -> Replay:
    """Give a new edition its number.

    Raises `ReplayRefused` where another replay took it at the same moment, or something is being erased: of the two, a
    replay and an erasure, at least one finds the other in the books.
    """
    edition = max((replay.edition for replay in replays(client)), default=0) + 1
    now = datetime.now(UTC)
    started = now.replace(microsecond=now.microsecond // 1000 * 1000)
    replay = Replay(edition, State.WRITING, asked_from, asked_to, rules_version, ranges, started)
    _write(client, replay, f"begin-{edition}")
    found = next((one for one in replays(client) if one.edition == edition), None)
    if found != replay:
        raise ReplayRefused("Another replay was begun at the same moment: run this again.")
    if client.query("SELECT 1 FROM erasures FINAL WHERE state = 'erasing' LIMIT 1").result_rows:
        set_state(client, replay, State.DROPPED)
        raise ReplayRefused("Something is being erased: let that end, or finish it with `weir erase again`.")
    return replay


def set_state(client: Client, replay: Replay, state: State) -> Replay:
    """Write down how far an edition is."""
    changed = dataclasses.replace(replay, state=state)
    _write(client, changed, str(uuid4()))
    return changed


def switch(client: Client, stack: Sequence[int], why: str) -> Switch:
    """Make these editions the ones in the answers, from the next statement on, all at once.

    Raises `ReplayRefused` where somebody else switched at the same moment: then nothing has changed.
    """
    books = {replay.edition: replay.ranges for replay in replays(client)}
    version, me = switched(client).version + 1, uuid4()
    arrays = packed(layers([(edition, books[edition]) for edition in stack]))
    row = {"version": version, "switch": me, "why": why, "stack": list(stack), **arrays._asdict()}
    _insert(client, "editions", row, f"switch-{version}")
    found = client.query(
        "SELECT switch FROM editions WHERE version = {version:UInt64}", parameters={"version": version}
    ).result_rows
    if [tuple(one) for one in found] != [(me,)]:
        raise ReplayRefused("Somebody else switched at the same moment: run this again.")
    return Switch(version, tuple(stack))


def drop(client: Client, replay: Replay) -> None:
    """Delete an edition's rows. Raises `ReplayRefused` while answers are, or just were, made of them."""
    if replay.edition in switched(client).stack:
        raise ReplayRefused(
            f"Edition {replay.edition} is in the answers. `weir replay --undo {replay.edition}` takes it out of them."
        )
    left = client.query(load("switched_away"), parameters={"edition": replay.edition}).result_rows[0][0]
    if left and datetime.now(UTC) < left.replace(tzinfo=UTC) + DROP_AFTER:
        seconds = round(DROP_AFTER.total_seconds())
        raise ReplayRefused(f"Edition {replay.edition} was in the answers a moment ago: wait {seconds} seconds.")
    set_state(client, replay, State.DROPPED)
    settle(client, replay)
    for (month,) in client.query(load("edition_months"), parameters={"edition": replay.edition}).result_rows:
        client.command(f"ALTER TABLE events DROP PARTITION ({int(month)}, {int(replay.edition)})")


def settle(client: Client, replay: Replay) -> None:
    """End every insert into an edition that is still under way."""
    while client.raw_query(load("settle"), parameters={"comment": replay.comment}, fmt="TSV"):
        time.sleep(0.1)


def changes(client: Client, edition: int) -> tuple[int, int, Mapping[tuple[str, str, str], int]]:
    """Of an edition so far: rows, rows that changed, and what changed from what to what in how many."""
    parameters = {"edition": edition}
    rows, changed = client.query(load("replay_rows"), parameters=parameters).result_rows[0]
    found = client.query(load("replay_changes"), parameters=parameters).result_rows
    return rows, changed, {(what, before, after): times for what, before, after, times in found}


def _write(client: Client, replay: Replay, token: str) -> None:
    topics = sorted({topic_id for topic_id, _ in replay.ranges})
    arrays = packed([Layer(topic_id, replay.edition, _of_topic(replay.ranges, topic_id)) for topic_id in topics])
    row = {
        "edition": replay.edition,
        "state": replay.state.value,
        "asked_from": replay.asked_from,
        "asked_to": replay.asked_to or EPOCH,
        "rules_version": replay.rules_version,
        "started_at": replay.started_at,
        **{name: value for name, value in arrays._asdict().items() if name != "numbers"},
    }
    _insert(client, "replays", row, token)


def _insert(client: Client, table: str, row: Mapping[str, Any], token: str) -> None:
    settings = {"async_insert": 0, "insert_deduplicate": 1, "insert_deduplication_token": token}
    client.insert(table, [list(row.values())], column_names=list(row), settings=settings)


def _of_topic(ranges: Ranges, topic_id: UUID) -> dict[int, range]:
    return {number: offsets for (topic, number), offsets in ranges.items() if topic == topic_id}


def _replay(row: Sequence[Any]) -> Replay:
    edition, state, asked_from, asked_to, rules_version, topics, width, firsts, lasts, started_at = row
    found = unpacked(Arrays(topics, [edition] * len(topics), width, firsts, lasts))
    asked_from, asked_to, started_at = (moment.replace(tzinfo=UTC) for moment in (asked_from, asked_to, started_at))
    ended = None if asked_to == EPOCH else asked_to
    return Replay(edition, State(state), asked_from, ended, rules_version, ranges_of(found), started_at)
