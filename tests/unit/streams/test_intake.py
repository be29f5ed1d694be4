"""The intake of `clicks.raw` against the model of the ledger."""

import asyncio
from typing import Any, cast
from uuid import UUID

from streams.intake import ClickIntake
from streams.partition import Limits
from streams.windows.hold import HoldLimit
from tests.unit.streams.test_partition import ModelLedger, Plain, batch
from warehouse.failures import Refused
from warehouse.ledger import Ledger

SECONDS = 5.0
"""Well below the time that a drain is given at the most."""


class SlowRefusal(ModelLedger):
    """Refuses, a while after the insert has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.inserting = asyncio.Event()

    async def insert(self, *_: Any) -> None:
        self.inserting.set()
        await asyncio.sleep(0.05)
        raise Refused


async def test_a_drain_does_not_wait_for_a_partition_that_fails_meanwhile() -> None:
    ledger = SlowRefusal()
    failures: list[BaseException] = []

    async def topic_id() -> UUID:
        return UUID(int=1)

    intake = ClickIntake(
        topic_id=topic_id,
        ledger=cast(Ledger, ledger),
        work=lambda _: Plain(),
        log_end=lambda _: None,
        done=lambda partition, offset: None,
        fail=failures.append,
        limits=Limits(linger=0.0, hold=HoldLimit(0), pause=0),
    )
    await intake.open({0: 0})
    intake.put(batch(0, 5))
    await ledger.inserting.wait()
    async with asyncio.timeout(SECONDS):
        await intake.drain()
    assert failures
