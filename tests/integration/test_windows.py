"""Windows and the hold on a real Kafka and the real engine: caught bursts, repeats across crashes, latency."""

import asyncio
import dataclasses
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from ingest.events import RawClick
from ingest.kafka import KafkaSettings
from ingest.links import link_id
from streams.batch import Batch
from streams.chain import Chain
from streams.dead_ratio import DeadRatio
from streams.enrich.geo import Geo
from streams.partition import Limits, PartitionCounter
from tests.fixtures.services import Service, running
from tests.integration.test_pipeline import CHROME, NOW_MS, audited, click, client, send, wait_for
from tests.unit.streams.test_partition import LogRecord
from tests.unit.streams.windows.oracle import Judged, Oracle
from tests.unit.streams.windows.test_model import (
    JUDGE,
    PLAIN,
    REASONS,
    RULES,
    few_are_kept,
    geo,
    random_log,
    write,
)
from warehouse.client import connect_async
from warehouse.ledger import Ledger, Partition
from warehouse.settings import WarehouseSettings

__all__ = ["client", "geo"]

HOLD_SECONDS = 2.0


@pytest.fixture
def worker(kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path) -> Any:
    settings = {"geo_dir": str(tmp_path), "session_timeout": "6", "hold": str(HOLD_SECONDS), "batch_linger": "0.1"}
    with running("worker", tmp_path / "worker.log", kafka, warehouse, **settings) as service:
        yield service


def by_seq(client: Client) -> dict[int, tuple[str, tuple[str, ...]]]:
    """What each click counts as, and why."""
    rows = client.query("SELECT seq, toString(outcome), reasons FROM events WHERE kind = 'click'").result_rows
    return {seq: (outcome, tuple(reasons)) for seq, outcome, reasons in rows}


def person(seq: int, **fields: Any) -> RawClick:
    """Somebody with a browser, an address and a mail of their own."""
    own: dict[str, Any] = {
        "visitor_id": f"{seq:016x}",
        "address_id": f"{seq:016x}",
        "message": "m1",
        "recipient": f"p{seq}",
    }
    return click(seq, **(own | fields))


@pytest.mark.kafka
def test_a_scanner_among_people_is_caught_with_all_its_links_and_nobody_else_is(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service
) -> None:
    """It opens twelve links of a mail within two seconds; people of the same office, and its own recipient, come by."""
    scanner = {"address_id": "00000000000000ee", "network": "198.51.100.0/24", "user_agent": CHROME}
    burst = [
        person(
            900 + number,
            **scanner,
            recipient="r1",
            ts=NOW_MS + number * 150,
            link_id=link_id("go.example", str(number)),
        )
        for number in range(12)
    ]
    office = [person(seq, network="198.51.100.0/24", address_id="00000000000000dd") for seq in range(1, 7)]
    people = [person(seq) for seq in range(10, 300)]
    later = [(800, NOW_MS + 60_000), (801, NOW_MS + 64_000)]
    recipient = [person(seq, recipient="r1", visitor_id="00000000000000cc", ts=ts) for seq, ts in later]
    log = people[:200]
    for number, one in enumerate(burst):
        log += [one, *office[number : number + 1], *people[200 + number * 5 : 205 + number * 5]]
    log += [*people[260:], *recipient]
    send(kafka, *log)
    wait_for(client, len(log))
    found = by_seq(client)
    assert {seq for seq, (outcome, _) in found.items() if outcome == "bot"} == {one.seq for one in burst}
    assert {found[one.seq] for one in burst} == {("bot", ("burst",))}
    counts = Counter(outcome for outcome, _ in found.values())
    assert counts == {"bot": 12, "human": len(log) - 13, "repeat": 1}  # the recipient clicked the same link twice


@pytest.mark.kafka
def test_windows_survive_kill_9_and_a_rebalance(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service, tmp_path: Path
) -> None:
    """Forty visitors, over all partitions, click again and again; a window is open for ten seconds."""
    visitors = range(1, 41)

    def round_(number: int, seconds: float) -> list[RawClick]:
        at = NOW_MS + round(seconds * 1000)
        return [
            click(number * 100 + who, ts=at, visitor_id=f"{who:016x}", network=f"10.0.{who}.0/24") for who in visitors
        ]

    send(kafka, *round_(1, 0))
    wait_for(client, 40)
    worker.kill()
    worker.restart()
    send(kafka, *round_(2, 5))
    wait_for(client, 80)
    second = {"geo_dir": str(tmp_path), "session_timeout": "6", "hold": str(HOLD_SECONDS)}
    with running("worker", tmp_path / "second.log", kafka, warehouse, **second) as other:
        send(kafka, *round_(3, 8))
        wait_for(client, 120)
        assert "weir_worker_position{" in httpx.get(f"{other.url}/-/metrics").text  # some partitions are its own now
        send(kafka, *round_(4, 12))
        wait_for(client, 160)
    found = by_seq(client)
    rounds = [{found[number * 100 + who][0] for who in visitors} for number in (1, 2, 3, 4)]
    assert rounds == [{"human"}, {"repeat"}, {"repeat"}, {"human"}]
    assert audited(kafka, warehouse).adds_up


@pytest.mark.kafka
def test_an_original_after_its_copy_counts_once_across_kill_9(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service
) -> None:
    send(kafka, *(click(seq, resent=True) for seq in range(1, 41)))
    wait_for(client, 40)
    worker.kill()
    worker.restart()
    send(kafka, *(click(seq) for seq in range(1, 41)))
    wait_for(client, 80)
    outcomes = client.query("SELECT toString(outcome) FROM events").result_rows
    assert Counter(outcome for (outcome,) in outcomes) == {"human": 40, "duplicate": 40}


@pytest.mark.kafka
def test_where_nothing_follows_a_click_waits_for_the_hold_and_not_longer(
    kafka: KafkaSettings, client: Client, worker: Service
) -> None:
    send(kafka, click(1))  # the worker is warm afterwards
    wait_for(client, 1)
    for seq in range(2, 5):
        began = time.monotonic()
        send(kafka, click(seq))
        wait_for(client, seq)
        assert HOLD_SECONDS < time.monotonic() - began < HOLD_SECONDS + 1.5


@pytest.mark.kafka
def test_a_backlog_waits_for_nothing(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    """More than may be held lies in the log with the hold at its longest, and much later records close it."""
    send(kafka, *(click(seq, query="q" * 2000, network="10.0.0.0/24") for seq in range(1, 3001)))
    began = time.monotonic()
    settings = {"geo_dir": str(tmp_path), "hold": "30", "hold_bytes": "500000", "held_bytes": "1048576"}
    with running("worker", tmp_path / "worker.log", kafka, warehouse, **settings):
        while (stored := int(str(client.command("SELECT count() FROM events")))) < 2700:
            assert time.monotonic() - began < 25, stored
            time.sleep(0.1)


@pytest.mark.parametrize("seed", range(3))
async def test_the_engine_restores_what_the_oracle_expects(
    warehouse: WarehouseSettings, client: Client, geo: Geo, seed: int
) -> None:
    """Random logs of the model's, read by counters that come and go, with rows that are lost in between."""
    chance = Random(seed)
    log, seen = write(random_log(chance, 90))
    connection = await connect_async(warehouse)
    with few_are_kept():
        chain = Chain(Ledger(connection), (geo,), JUDGE, DeadRatio(1.0), RULES)
        reading = Reading(chain, Partition(uuid4(), 0), log)
        for _ in range(6):
            await reading.some(chance.randrange(5, 30))
            if chance.random() < 0.5:
                await lose(connection, reading.partition, chance.randrange(90))
        await reading.to_the_end()
    await connection.close()
    assert judged(client, reading.partition) == Oracle(seen, PLAIN, {}).judged()


@dataclasses.dataclass
class Reading:
    """Counters that read a log one after the other."""

    chain: Chain
    partition: Partition
    log: Sequence[LogRecord]

    async def some(self, amount: int) -> None:
        """Put in the next records, and let go somewhere."""
        await self._count(amount, lambda _: None, lambda _: asyncio.sleep(0.1))

    async def to_the_end(self) -> None:
        """All that is left; then nothing follows."""

        async def counted(counter: PartitionCounter) -> None:
            async with asyncio.timeout(20):
                while counter.stored_to < len(self.log):
                    await asyncio.sleep(0.01)

        await self._count(len(self.log), lambda _: (len(self.log), math.inf), counted)

    async def _count(self, amount: int, log_end: Any, until: Callable[[PartitionCounter], Any]) -> None:
        limits = Limits(rows=20, linger=0.0, hold=self.chain.windows.hold)
        work = self.chain(self.partition)
        counter = PartitionCounter(
            self.partition, self.chain.ledger, work, done=lambda _: None, log_end=log_end, limits=limits
        )
        first = await counter.open(0)
        running = asyncio.create_task(counter.run())
        if records := self.log[first : first + amount]:
            counter.put(Batch("clicks.raw", 0, records))
        await until(counter)
        await counter.settle()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def lose(connection: Any, partition: Partition, first: int) -> None:
    """Rows are gone, as after a power loss."""
    where = "topic_id = {topic_id:UUID} AND kafka_offset BETWEEN {first:UInt64} AND {first:UInt64} + 6"
    parameters = {"topic_id": str(partition.topic_id), "first": first}
    await connection.command(
        f"ALTER TABLE events DELETE WHERE {where} SETTINGS mutations_sync = 1", parameters=parameters
    )


def judged(client: Client, partition: Partition) -> list[Judged]:
    """What the rows say."""
    rows = client.query(
        "SELECT toString(outcome), reasons FROM events WHERE topic_id = {topic_id:UUID} ORDER BY kafka_offset",
        parameters={"topic_id": str(partition.topic_id)},
    ).result_rows
    return [(outcome, frozenset(reasons) & REASONS) for outcome, reasons in rows]
