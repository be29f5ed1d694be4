"""Erasure on the real engine: what is gone, what the ledger and the audit say of it, and what a crash leaves."""

import asyncio
import dataclasses
import json
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client

from deploy.commands.erase import command
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from warehouse.audit.run import audit
from warehouse.client import connect, connect_async
from warehouse.erasure.book import Erasure, State, What, asked, erasures, write
from warehouse.erasure.run import ErasureRefused, check, erase, left, unfinished
from warehouse.failpoints import Failpoint
from warehouse.ledger import Ledger, Partition, Position
from warehouse.replays import book as replays
from warehouse.rollups.compare import compare
from warehouse.rollups.desk import void
from warehouse.rollups.read import read_books_sync
from warehouse.rollups.roll import Roller
from warehouse.settings import WarehouseSettings

START = datetime(2026, 11, 1, 20, tzinfo=UTC)
SRC = 0xAB_CDEF_0123
PARTITIONS, OFFSETS = 2, 60
RECIPIENT, VISITOR, LINK = "r-1", 77, 0x00AB_0000_0000_0001
DAY = date(2026, 11, 1)

COLUMNS = (
    *("topic_id", "kafka_partition", "kafka_offset", "edition", "append_time", "batch_time", "ts", "fence", "kind"),
    *("outcome", "src", "seq", "domain", "link_id", "recipient_id", "visitor_id", "salt_day"),
)


@pytest.fixture(scope="module")
def database(warehouse_server: EmbeddedServer) -> Iterator[WarehouseSettings]:
    with database_of_its_own(warehouse_server) as settings:
        yield settings


@pytest.fixture
def client(database: WarehouseSettings) -> Iterator[Client]:
    with closing(connect(database)) as found:
        yield found
        for table in ("events", "erased", "erasures", "dead_letters", "links", "replays", "rolls"):
            found.command(f"TRUNCATE TABLE {table}")


@pytest.fixture
async def ledger(database: WarehouseSettings) -> AsyncIterator[Ledger]:
    async with await connect_async(database) as found:
        yield Ledger(found)


def rows(topic: UUID, edition: int = 0) -> list[list[object]]:
    """Two partitions; every third click is the recipient's, every seventh the visitor's, every fifth the link's."""
    made: list[list[object]] = []
    for number in range(PARTITIONS * OFFSETS):
        offset, partition = divmod(number, PARTITIONS)
        at = START + timedelta(minutes=5 * offset)
        outcome = ("human", "bot", "duplicate", "human")[number % 4]
        who = [RECIPIENT if offset % 3 == 0 else "r-2", VISITOR if offset % 7 == 0 else 78, at.date()]
        what = ["go.example" if offset % 2 else "l.example", LINK if offset % 5 == 0 else 2]
        made.append([topic, partition, offset, edition, at, at, at, 7, "click", outcome, SRC, number + 1, *what, *who])
    return made


def store(client: Client, topic: UUID, some: Sequence[Sequence[object]]) -> None:
    fences = [[topic, number, 7] for number in range(PARTITIONS)]
    client.insert("fences", fences, column_names=["topic_id", "kafka_partition", "nonce"])
    client.insert("events", some, column_names=COLUMNS)


def close(client: Client, topic: UUID) -> None:
    """The redirector's last word, in partition 0."""
    place = [topic, 0, OFFSETS, 0, *[START + timedelta(days=1)] * 3, 7]
    last = PARTITIONS * OFFSETS
    client.insert(
        "events",
        [[*place, "close", "source", SRC, last + 1, last]],
        column_names=[*COLUMNS[:12], "mark"],
    )


def is_whole(client: Client, topic: UUID, *, erased: int) -> None:
    """The audit finds every offset and every number, by rows or by the book."""
    found = audit(client, topic, {0: (0, OFFSETS + 1), 1: (0, OFFSETS)})
    assert found.adds_up, found
    assert [source.missing for source in found.sources] == [0]
    assert sum(partition.outcomes.get("erased", 0) for partition in found.partitions) == erased


def nowhere(_client: Client, _hours: Sequence[int]) -> None:
    """There are no rollups in these tests."""


CASES = {
    "recipient": (asked(What.RECIPIENT, RECIPIENT), 20),
    "visitor": (asked(What.VISITOR, str(VISITOR), DAY), 7),
    "link": (asked(What.LINK, f"{LINK:016x}"), 12),
    "domain": (asked(What.DOMAIN, "go.example"), 30),
}


@pytest.mark.parametrize("name", CASES)
async def test_it_is_gone_and_the_ledger_is_whole(client: Client, ledger: Ledger, name: str) -> None:
    topic, (erasure, each) = uuid4(), CASES[name]
    store(client, topic, rows(topic))
    close(client, topic)
    store(client, topic, rows(topic, edition=1))
    total = 2 * each if name != "visitor" else left(client, erasure).rows
    assert (left(client, erasure).rows, left(client, erasure).judged_again) == (total, total)
    voided: list[int] = []
    done = erase(client, erasure, lambda _, hours: voided.extend(hours))
    assert (done.state, done.rows) == (State.ERASED, total)
    assert left(client, erasure).nothing
    assert {datetime.fromtimestamp(at, UTC) for at in voided} <= {
        START + timedelta(hours=number) for number in range(5)
    }
    is_whole(client, topic, erased=total)
    for number, end in enumerate((OFFSETS + 1, OFFSETS)):
        assert (await ledger.position(Partition(topic, number), 0)).next == end
    assert RECIPIENT not in str(client.query("SELECT * FROM erasures FINAL").result_rows)
    assert check(client, done)[1].nothing


async def test_a_partition_of_which_everything_is_erased_is_not_read_again(client: Client, ledger: Ledger) -> None:
    topic = uuid4()
    mine = [row for row in rows(topic) if row[1] == 1]
    store(client, topic, [[*row[:12], "go.example", *row[13:]] for row in mine])
    erase(client, asked(What.DOMAIN, "go.example"), nowhere)
    assert client.command("SELECT count() FROM events") == 0
    assert await ledger.position(Partition(topic, 1), 0) == Position(OFFSETS)


async def test_an_erased_click_is_known_when_its_copy_comes(client: Client, ledger: Ledger) -> None:
    topic = uuid4()
    store(client, topic, rows(topic))
    ids = [(SRC, number) for number in range(1, PARTITIONS * OFFSETS + 1)]
    before = await ledger.known(Partition(topic, 0), ids, OFFSETS)
    erase(client, asked(What.RECIPIENT, RECIPIENT), nowhere)
    assert await ledger.known(Partition(topic, 0), ids, OFFSETS) == before


class Killed(Exception):
    """As if the process had ended."""


@pytest.mark.parametrize("place", [Failpoint.AFTER_LINES, Failpoint.AFTER_DELETE, Failpoint.AFTER_VOID])
async def test_a_crash_at_any_place_leaves_a_whole_ledger_and_is_made_good(
    client: Client, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, place: Failpoint
) -> None:
    topic, erasure = uuid4(), asked(What.RECIPIENT, RECIPIENT)
    store(client, topic, rows(topic))
    close(client, topic)

    def die(reached: Failpoint) -> None:
        if reached is place:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("warehouse.erasure.run.reach", die)
        with pytest.raises(Killed):
            erase(client, erasure, nowhere)
    is_whole(client, topic, erased=0 if place is Failpoint.AFTER_LINES else 40)
    assert (await ledger.position(Partition(topic, 1), 0)).next == OFFSETS
    assert [one.id for one in unfinished(client)] == [erasure.id]
    voided: list[int] = []
    erase(client, unfinished(client)[0], lambda _, hours: voided.extend(hours))
    assert voided
    assert not unfinished(client)
    is_whole(client, topic, erased=40)


@pytest.mark.parametrize("seed", range(2))
async def test_lost_rows_are_read_again_and_erased_ones_are_not(client: Client, ledger: Ledger, seed: int) -> None:
    """At random: rows are erased, others are lost, the erasure may have died before it deleted anything."""
    chance, topic = random.Random(seed), uuid4()
    store(client, topic, rows(topic))
    erasure = asked(What.RECIPIENT, RECIPIENT)
    erase(client, erasure, nowhere)
    if seed % 2:
        write(client, erasure)  # unsure again: the quick answer may not be trusted
        store(client, topic, [row for row in rows(topic) if row[14] == RECIPIENT and chance.random() < 0.3])
    lost = {offset for offset in range(OFFSETS) if chance.random() < 0.1}
    client.command(
        "ALTER TABLE events DELETE WHERE kafka_partition = 1 AND has({lost:Array(UInt64)}, kafka_offset)",
        {"lost": sorted(lost)},
        settings={"mutations_sync": 1},
    )
    found = await ledger.position(Partition(topic, 1), 0)
    missing = {offset for offset in range(OFFSETS) if found.missing(offset)}
    assert missing == {offset for offset in lost if offset % 3}


def test_what_came_back_is_found_and_erased_again(client: Client) -> None:
    topic = uuid4()
    store(client, topic, rows(topic))
    done = erase(client, asked(What.RECIPIENT, RECIPIENT), nowhere)
    store(client, topic, [rows(topic)[0]])
    again, found = check(client, done)
    assert (found.rows, found.came_back, again.state) == (1, 1, State.ERASING)
    assert erase(client, unfinished(client)[0], nowhere).rows == 40
    assert not unfinished(client)


def test_clicks_of_after_the_request_stay(client: Client) -> None:
    topic = uuid4()
    store(client, topic, rows(topic))
    early = dataclasses.replace(asked(What.DOMAIN, "go.example"), asked_at=START + timedelta(hours=1))
    assert erase(client, early, nowhere).rows == 12
    assert client.command("SELECT count() FROM events WHERE domain = 'go.example'") == 48


def test_dead_letters_and_deleted_links_go_and_standing_links_stay(client: Client) -> None:
    letters = [
        [str(uuid4()), 0, 1, b'{"domain": "go.example", "recipient": 7}'],
        [str(uuid4()), 0, 2, b'{"domain": "l.example"}'],
    ]
    client.insert("dead_letters", letters, column_names=["topic_id", "kafka_partition", "kafka_offset", "payload"])
    for link in ([1, "go.example", "Ann's", 0, 1], [1, "go.example", "", 1, 2], [2, "go.example", "Bob's", 0, 1]):
        client.insert("links", [link], column_names=["link_id", "domain", "title", "deleted", "version"])
    done = erase(client, asked(What.DOMAIN, "go.example"), nowhere)
    assert (done.letters, done.links) == (1, 2)
    assert client.query("SELECT title FROM links").result_rows == [("Bob's",)]
    assert client.command("SELECT count() FROM dead_letters") == 1
    assert left(client, done).standing_links == 1


def test_nothing_is_erased_while_a_replay_writes_what_it_read(client: Client) -> None:
    replay = replays.begin(client, {(uuid4(), 0): range(5)}, "v", asked_from=START, asked_to=None)
    erasure = asked(What.DOMAIN, "go.example")
    with pytest.raises(ErasureRefused, match=f"Edition {replay.edition} is being written"):
        erase(client, erasure, nowhere)
    assert [one.id for one in erasures(client)] == [erasure.id]


def test_no_replay_begins_while_something_is_being_erased(client: Client) -> None:
    write(client, asked(What.DOMAIN, "go.example"))
    with pytest.raises(replays.ReplayRefused, match="weir erase again"):
        replays.begin(client, {(uuid4(), 0): range(5)}, "v", asked_from=START, asked_to=None)
    assert [replay.state for replay in replays.replays(client)] == [replays.State.DROPPED]


def test_a_request_is_kept_as_it_was(client: Client) -> None:
    found: list[Erasure] = []
    for erasure, _ in CASES.values():
        write(client, erasure)
        found.append(erasure)
    assert {one.id: one for one in erasures(client)} == {one.id: one for one in found}


def test_the_command_counts_asks_erases_and_proves(
    client: Client, database: WarehouseSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    topic = uuid4()
    store(client, topic, rows(topic))
    monkeypatch.setenv("WEIR_CLICKHOUSE", database.clickhouse)
    monkeypatch.setenv("WEIR_CLICKHOUSE_PASSWORD", database.clickhouse_password.get_secret_value())
    monkeypatch.setenv("WEIR_CLICKHOUSE_DATABASE", database.clickhouse_database)

    def weir(*words: str, fails: int = 0) -> Any:
        ran = CliRunner().invoke(command, [*words, "--json"])
        assert ran.exit_code == fails, ran.output
        return json.loads(ran.stdout) if ran.stdout else None

    assert weir("recipient", RECIPIENT, "--dry-run")["rows"] == 40
    weir("recipient", RECIPIENT, fails=2)  # nobody is there to be asked
    assert not erasures(client)
    done = weir("recipient", RECIPIENT, "--yes")
    assert (done["state"], done["rows"], done["nothing_left_in"]) == ("erased", 40, ["events", "dead_letters", "links"])
    assert [one["erasure"] for one in weir("check", done["erasure"])] == [done["erasure"]]
    (tmp_path / "kept.json").write_text(json.dumps(weir("list")))
    for table in ("events", "erased", "erasures"):  # as from a backup of before
        client.command(f"TRUNCATE TABLE {table}")
    store(client, topic, rows(topic))
    again = weir("again", "--from", str(tmp_path / "kept.json"))
    assert [(one["erasure"], one["state"], one["rows"]) for one in again] == [(done["erasure"], "erased", 40)]
    assert audit(client, topic, dict.fromkeys(range(PARTITIONS), (0, OFFSETS))).adds_up


def test_what_was_rolled_up_of_it_is_rolled_again(client: Client) -> None:
    topic = uuid4()
    store(client, topic, rows(topic))
    zone, now = "UTC", (START + timedelta(days=3)).timestamp()
    roller = Roller(client, zone)
    assert not any(one.trouble for one in roller.turn(now))
    domains = "SELECT sum(n) FROM rollup_links WHERE domain = 'go.example' AND seal IN {seals:Array(UInt64)}"

    def rolled() -> Any:
        seals = [unit.seal for unit in read_books_sync(client).books["links"].units.values() if unit.seal]
        return client.query(domains, parameters={"seals": seals}).result_rows[0][0]

    assert rolled() == 60
    erase(client, asked(What.DOMAIN, "go.example"), lambda client, hours: void(client, hours, zone))
    assert rolled() == 0
    roller.turn(now)
    assert (rolled(), compare(client).agrees) == (0, True)


async def test_whoever_asks_while_something_is_erased_finds_no_hole(client: Client, ledger: Ledger) -> None:
    """A worker asks how far its partition is stored, over and over; what it is told never goes back."""
    topic, erasure = uuid4(), asked(What.DOMAIN, "go.example")
    store(client, topic, rows(topic))
    erasing = asyncio.create_task(asyncio.to_thread(erase, client, erasure, nowhere))
    asked_times = 0
    while not erasing.done():
        for number in range(PARTITIONS):
            position = await ledger.position(Partition(topic, number), 0)
            assert (position.next, position.stored) == (OFFSETS, ())
        asked_times += 1
    assert (await erasing).rows == 60
    assert asked_times > 1
