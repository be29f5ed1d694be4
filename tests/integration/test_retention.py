"""Retention on the real engine: what is old goes, what is rolled up of it stays, and the ledger adds up throughout."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client

from deploy.commands.retain import command
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own
from warehouse.audit.findings import Audit
from warehouse.audit.run import audit
from warehouse.client import connect, connect_async
from warehouse.erasure.book import What, asked
from warehouse.erasure.run import erase
from warehouse.ledger import Ledger, Partition
from warehouse.retention.run import drop_events, old
from warehouse.settings import WarehouseSettings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
START = datetime(2026, 9, 29, tzinfo=UTC)
SRC, PARTITIONS, OFFSETS = 0xAB_CDEF_0123, 2, 48
SEPTEMBER = 24
"""Offsets a partition has in September: two hours each, from two days before its end."""


@pytest.fixture(scope="module")
def database(warehouse_server: EmbeddedServer) -> Iterator[WarehouseSettings]:
    with database_of_its_own(warehouse_server) as settings:
        yield settings


@pytest.fixture
def client(database: WarehouseSettings) -> Iterator[Client]:
    with closing(connect(database)) as found:
        yield found
        for table in ("events", "erased", "erasures", "dropped", "dead_letters", "rolls"):
            found.command(f"TRUNCATE TABLE {table}")


@pytest.fixture
async def ledger(database: WarehouseSettings) -> AsyncIterator[Ledger]:
    async with await connect_async(database) as found:
        yield Ledger(found)


@pytest.fixture
def topic(client: Client) -> UUID:
    """Four days of clicks, half of them in September; the last says that nothing is missing."""
    made = uuid4()
    fences = [[made, number, 7] for number in range(PARTITIONS)]
    client.insert("fences", fences, column_names=["topic_id", "kafka_partition", "nonce"])
    columns = ["topic_id", "kafka_partition", "kafka_offset", "edition", "append_time", "batch_time", "ts", "fence"]
    rows = []
    for number in range(PARTITIONS * OFFSETS):
        offset, partition = divmod(number, PARTITIONS)
        at = START + timedelta(hours=2 * offset)
        last = number == PARTITIONS * OFFSETS - 1
        more = ["close", "source", number] if last else ["click", "human", 0]
        rows.append(
            [made, partition, offset, 0, at, at, at, 7, SRC, number + 1, f"r-{offset % 3}", "go.example", *more]
        )
    names = [*columns, "src", "seq", "recipient_id", "domain", "kind", "outcome", "mark"]
    client.insert("events", rows, column_names=names)
    return made


def audited(client: Client, topic: UUID, log_first: int = 0) -> Audit:
    return audit(client, topic, dict.fromkeys(range(PARTITIONS), (log_first, OFFSETS)))


def nothing_rolled(_client: Client, _hours: Sequence[int]) -> None:
    """There are no rollups here."""


def test_only_whole_months_that_are_old_enough_go(client: Client, topic: UUID) -> None:
    def months(days: int, now: datetime = NOW) -> list[int]:
        return [month.month for month in old(client, "events", days, now)]

    assert months(0) == []
    assert months(30) == [202609]
    assert months(21) == [202609, 202610]
    assert months(53) == []


@pytest.mark.parametrize("log_first", [0, 10, SEPTEMBER + 5])
async def test_what_is_dropped_is_named_and_not_missing(
    client: Client, ledger: Ledger, topic: UUID, log_first: int
) -> None:
    assert audited(client, topic).adds_up
    (month,) = old(client, "events", 30, NOW)
    drop_events(client, month, nothing_rolled)
    found = audited(client, topic, log_first)
    assert found.adds_up
    assert [(one.dropped, one.rows, one.missing) for one in found.partitions] == [(24, 24, 0)] * PARTITIONS
    assert [(source.missing, source.closed) for source in found.sources] == [(0, True)]
    for number in range(PARTITIONS):
        position = await ledger.position(Partition(topic, number), log_first)
        assert position.next == OFFSETS
        assert not position.stored


async def test_holes_behind_what_is_dropped_are_still_found(client: Client, ledger: Ledger, topic: UUID) -> None:
    (month,) = old(client, "events", 30, NOW)
    drop_events(client, month, nothing_rolled)
    client.command("ALTER TABLE events DELETE WHERE kafka_offset IN (30, 31)", settings={"mutations_sync": 1})
    found = audited(client, topic)
    assert [one.missing for one in found.partitions] == [2, 2]
    assert sum(source.missing for source in found.sources) == 4
    assert (await ledger.position(Partition(topic, 0), 0)).next == 30


async def test_everything_may_be_dropped(client: Client, ledger: Ledger, topic: UUID) -> None:
    for month in old(client, "events", 14, NOW):
        drop_events(client, month, nothing_rolled)
    assert client.command("SELECT count() FROM events") == 0
    assert audited(client, topic).adds_up
    assert (await ledger.position(Partition(topic, 1), 0)).next == OFFSETS


async def test_a_drop_that_died_is_finished_and_erased_rows_go_with_it(
    client: Client, ledger: Ledger, topic: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase(client, asked(What.RECIPIENT, "r-1"), nothing_rolled)
    assert audited(client, topic).adds_up
    (month,) = old(client, "events", 30, NOW)
    with monkeypatch.context() as patched:
        patched.setattr("warehouse.retention.run.drop", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            drop_events(client, month, nothing_rolled)
    assert audited(client, topic).adds_up
    assert (await ledger.position(Partition(topic, 0), 0)).next == OFFSETS
    drop_events(client, month, nothing_rolled)
    assert audited(client, topic).adds_up
    assert [one.outcomes.get("erased") for one in audited(client, topic).partitions] == [8, 8]
    assert (await ledger.position(Partition(topic, 0), 0)).next == OFFSETS


def test_the_command_keeps_what_is_rolled_up(
    client: Client, database: WarehouseSettings, topic: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_CLICKHOUSE", database.clickhouse)
    monkeypatch.setenv("WEIR_CLICKHOUSE_PASSWORD", database.clickhouse_password.get_secret_value())
    monkeypatch.setenv("WEIR_CLICKHOUSE_DATABASE", database.clickhouse_database)
    days = (datetime.now(UTC) - datetime(2026, 10, 1, 12, tzinfo=UTC)).days
    assert "Nothing is older" in CliRunner().invoke(command).output
    monkeypatch.setenv("WEIR_RETAIN_RECORDS", str(max(14, days)))
    assert "202609: 48 rows would go" in CliRunner().invoke(command, ["--dry-run"]).output
    ran = CliRunner().invoke(command)
    assert (ran.exit_code, "48 rows dropped" in ran.output) == (0, True), ran.output
    assert client.command("SELECT count() FROM events") == 48
    assert client.command("SELECT sum(n) FROM rollup_channels WHERE ts < '2026-10-01' AND outcome = 'human'") == 48
