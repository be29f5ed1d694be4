"""Lines of the audit log while ClickHouse comes and goes."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from api.errors import Away
from api.query.run import Warehouse
from api.telemetry import Telemetry
from api.writes import log as log_module
from api.writes.entry import FIELDS, Write
from api.writes.log import WriteLog


class Table:
    """Takes rows as `Warehouse.insert` does, as long as it is there."""

    def __init__(self) -> None:
        self.there = True
        self.objects: list[str] = []

    async def insert(self, _table: str, rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> None:
        await asyncio.sleep(0)
        if not self.there:
            raise Away("away")
        self.objects += [values[columns.index("object")] for values in rows]


def write(number: int) -> Write:
    return Write(action="link.create", object=str(number), status=201, key_name="shop")


def opened(table: Table) -> WriteLog:
    return WriteLog(cast("Warehouse", table), Telemetry())


async def test_lines_are_stored_in_order_and_the_last_ones_at_the_end() -> None:
    table = Table()
    async with opened(table).open() as log:
        for number in range(2500):
            log.note(write(number))
    assert table.objects == [str(number) for number in range(2500)]


async def test_lines_wait_while_clickhouse_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "AGAIN_SECONDS", 0.01)
    table = Table()
    table.there = False
    async with opened(table).open() as log:
        log.note(write(1))
        await asyncio.sleep(0.03)
        assert not table.objects
        table.there = True
        log.note(write(2))
        await asyncio.sleep(0.05)
        assert table.objects == ["1", "2"]


async def test_what_can_not_be_kept_is_said_and_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log_module, "KEPT", 2)
    table, telemetry = Table(), Telemetry()
    table.there = False
    async with WriteLog(cast("Warehouse", table), telemetry).open() as log:
        for number in range(3):
            log.note(write(number))
        assert telemetry.registry.get_sample_value("weir_api_writes_lost_total") == 1
        assert telemetry.registry.get_sample_value("weir_api_writes_waiting") == 2
    said = capsys.readouterr().out
    assert said.count("write_not_stored") == 3
    assert said.count("link.create") >= 3


def test_a_line_is_a_row_of_the_table() -> None:
    assert set(FIELDS) == set(Write.__dataclass_fields__)
    shown = write(1).shown()
    assert (shown["before"], shown["after"]) == (None, None)
