"""The ledger before a ClickHouse that hangs: whatever is asked ends within its time, in doubt."""

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.fixtures.warehouse import EmbeddedServer
from warehouse import client as client_module
from warehouse.client import WarehouseUnavailable, connect_async
from warehouse.columns import Coded, Columns
from warehouse.failures import Doubtful
from warehouse.ledger import Ledger, Partition
from warehouse.migrate import migrate

PARTITION = Partition(UUID(int=7), 0)
SECONDS = 0.5
ROW: Columns = {
    "topic_id": Coded.constant(PARTITION.topic_id, 1),
    "kafka_partition": Coded.constant(0, 1),
    "kafka_offset": [0],
}
LETTER: dict[str, list[Any]] = {
    "topic_id": [PARTITION.topic_id],
    "kafka_partition": [0],
    "kafka_offset": [0],
    "payload": [b"x"],
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path / "data")
    server.start()
    migrate(server.settings("weir"))
    yield server
    os.kill(server.process.pid, signal.SIGCONT)
    server.stop()


@pytest.fixture
async def ledger(server: EmbeddedServer) -> AsyncIterator[Ledger]:
    """The ledger of a partition that is taken over; then ClickHouse hangs."""
    client = await connect_async(server.settings("weir"))
    patient = Ledger(client)
    await patient.take_over(PARTITION, 0)
    found = Ledger(client, timeout=SECONDS)
    found._nonces = patient._nonces
    os.kill(server.process.pid, signal.SIGSTOP)
    yield found
    await client.close()


async def test_everything_ends_within_its_time_and_in_doubt(ledger: Ledger) -> None:
    for ask in (
        lambda: ledger.take_over(PARTITION, 0),
        lambda: ledger.position(PARTITION, 0),
        lambda: ledger.known(PARTITION, [(1, 1)], 0),
        lambda: ledger.insert(PARTITION, 0, ROW),
        lambda: ledger.replace("dead_letters", LETTER),
    ):
        began = time.monotonic()
        with pytest.raises(Doubtful):
            await ask()
        assert time.monotonic() - began < SECONDS + 5


async def test_a_client_does_not_wait_for_one_that_hangs_from_the_start(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "GREETING_TIMEOUT_S", SECONDS)
    os.kill(server.process.pid, signal.SIGSTOP)
    with pytest.raises(WarehouseUnavailable, match="No ClickHouse answers at"):
        await connect_async(server.settings("weir"))
