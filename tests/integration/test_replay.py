"""Replay on the real engine: history judged with other rules is what a worker with those rules makes of the log."""

import multiprocessing
import signal
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from clickhouse_connect.driver.client import Client

from deploy.trial import NoLedger
from streams.chain import Chain
from streams.dead_ratio import DeadRatio
from streams.enrich.chain import enrichers
from streams.judge.judge import Judge
from streams.replay.difference import MADE_COLUMNS, Difference
from streams.replay.run import Rejudging
from streams.windows.hold import HoldLimit
from streams.windows.rules import Thresholds, WindowRules
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from tests.integration.test_windows import Reading
from tests.unit.streams.windows.test_model import START, random_log, write
from warehouse import failpoints
from warehouse.client import connect, connect_async
from warehouse.events import COLUMNS
from warehouse.ledger import Ledger, Partition
from warehouse.replays import book
from warehouse.replays.book import Replay, ReplayRefused
from warehouse.replays.edition import Edition
from warehouse.replays.history import taken_between
from warehouse.settings import WarehouseSettings
from warehouse.sql import load

BEGAN = datetime.fromtimestamp(START / 1000, UTC) - timedelta(hours=1)
ENDED = BEGAN + timedelta(days=1)
OLD = WindowRules(clicks=40)
NEW = WindowRules(
    clicks=40,
    hold=HoldLimit(5.0),
    repeat_ms=30_000,
    thresholds=Thresholds(
        burst_ms=5000, burst_links_of_mail=2, burst_links_of_address=3, burst_links_of_network=3, trap_ms=9000, rate=2
    ),
)
SIZE = 200
LIVE = f"WITH {load('switched')} SELECT {{}} FROM events WHERE {load('live')} ORDER BY kafka_partition, kafka_offset"


def chain(rules: WindowRules, ledger: Ledger) -> Chain:
    return Chain(ledger, enrichers(), Judge(f"{rules.repeat_ms}"), DeadRatio(1.0), rules)


async def judged_by_workers(settings: WarehouseSettings, rules: WindowRules, topic_id: UUID, seed: int) -> None:
    """Two partitions of a random log, as workers with these rules store them."""
    connection = await connect_async(settings)
    for number in range(2):
        log, _ = write(random_log(Random(seed + number), SIZE))
        await Reading(chain(rules, Ledger(connection)), Partition(topic_id, number), log).to_the_end()
    await connection.close()


def rejudge(client: Client, replay: Replay, rules: WindowRules, piece: int = 70) -> Difference:
    return Rejudging(client, chain(rules, NoLedger()), Edition(client, replay), piece=piece).run(replay.ranges)


def begun(client: Client) -> Replay:
    return book.begin(client, taken_between(client, BEGAN, ENDED), "new", asked_from=BEGAN, asked_to=ENDED)


def rows(client: Client, topic_id: UUID, edition: int, columns: Sequence[str] = MADE_COLUMNS) -> list[tuple[Any, ...]]:
    sql = f"""SELECT kafka_partition, kafka_offset, {", ".join(columns)} FROM events
              WHERE topic_id = {{topic:UUID}} AND edition = {{edition:UInt32}} ORDER BY 1, 2"""
    found = client.query(sql, parameters={"topic": str(topic_id), "edition": edition})
    return [tuple(map(str, row)) for row in found.result_rows]


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Iterator[Client]:
    with connect(warehouse) as client:
        yield client


@pytest.mark.parametrize("seed", [1, 300])
async def test_history_judged_anew_is_what_workers_with_those_rules_make_of_the_log(
    warehouse: WarehouseSettings, warehouse_server: EmbeddedServer, client: Client, seed: int
) -> None:
    topic_id = uuid4()
    await judged_by_workers(warehouse, OLD, topic_id, seed)
    replay = begun(client)
    different = rejudge(client, replay, NEW)
    Edition(client, replay).check()
    with database_of_its_own(warehouse_server) as elsewhere, connect(elsewhere) as other:
        await judged_by_workers(elsewhere, NEW, topic_id, seed)
        wanted = rows(other, topic_id, 0)
    before, after = rows(client, topic_id, 0), rows(client, topic_id, 1)
    assert after == wanted
    assert different.rows == 2 * SIZE
    assert different.changed == sum(old != new for old, new in zip(before, after, strict=True)) > 20


def killed(settings: WarehouseSettings, replay: Replay, failpoint: str) -> None:
    """In a process of its own: judge again until the failpoint."""
    failpoints.arm(failpoint)
    with connect(settings) as client:
        rejudge(client, replay, NEW)


async def test_a_replay_that_is_killed_goes_on_where_it_stopped(warehouse: WarehouseSettings, client: Client) -> None:
    topic_id = uuid4()
    await judged_by_workers(warehouse, OLD, topic_id, 7)
    replay = begun(client)
    for failpoint in ("before-insert:2", "after-insert:1", "after-insert:3", "before-insert:1"):
        process = multiprocessing.get_context("spawn").Process(target=killed, args=(warehouse, replay, failpoint))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    rejudge(client, replay, NEW)
    Edition(client, replay).check()
    again = begun(client)
    at_once = rejudge(client, again, NEW, piece=10_000)
    columns = [name for name in COLUMNS if name not in {"edition", "fence"}]
    assert rows(client, topic_id, replay.edition, columns) == rows(client, topic_id, again.edition, columns)
    assert Difference(*book.changes(client, replay.edition)) == at_once


async def test_no_answer_mixes_editions_while_they_are_switched(warehouse: WarehouseSettings, client: Client) -> None:
    await judged_by_workers(warehouse, OLD, uuid4(), 5)
    replay = begun(client)
    ask = LIVE.format("kafka_partition, kafka_offset, outcome, reasons")
    before = client.query(ask).result_rows
    rejudge(client, replay, NEW)
    assert client.query(ask).result_rows == before
    answers: list[Sequence[Any]] = []
    over = threading.Event()

    def keep_asking() -> None:
        with connect(warehouse) as other:
            while not over.is_set():
                answers.append(other.query(ask).result_rows)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    for _ in range(6):
        book.switch(client, [replay.edition], "there")
        after = client.query(ask).result_rows
        book.switch(client, [], "and back")
        assert client.query(ask).result_rows == before != after
    over.set()
    asking.join()
    assert len(answers) > 6
    assert all(answer in (before, after) for answer in answers)


async def test_an_edition_that_lost_rows_is_not_switched_to(warehouse: WarehouseSettings, client: Client) -> None:
    await judged_by_workers(warehouse, OLD, uuid4(), 5)
    replay = begun(client)
    rejudge(client, replay, NEW)
    client.command("ALTER TABLE events DELETE WHERE edition = 1 AND kafka_offset = 60 SETTINGS mutations_sync = 1")
    with pytest.raises(ReplayRefused, match="weir replay --drop 1"):
        Edition(client, replay).check()


async def test_a_worker_that_fences_in_between_does_not_stop_it(warehouse: WarehouseSettings, client: Client) -> None:
    topic_id = uuid4()
    await judged_by_workers(warehouse, OLD, topic_id, 5)
    client.command("TRUNCATE TABLE fences")  # as a restart of ClickHouse leaves it
    replay = begun(client)
    edition = Edition(client, replay)
    nonce = edition._nonce
    stale = iter([client.command("SELECT toUInt64(1)")])
    with patch.object(edition, "_nonce", lambda partition: next(stale, None) or nonce(partition)):
        Rejudging(client, chain(NEW, NoLedger()), edition).run(replay.ranges)
    edition.check()
