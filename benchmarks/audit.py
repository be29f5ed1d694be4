"""`weir bench audit`: what auditing a large ledger takes, from its beginning and from the last good mark."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import click
from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.table import Table

from benchmarks.contenders.functions import NONCE
from benchmarks.figures import Spread
from benchmarks.ground import Ground, Tell, cpu_seconds
from benchmarks.machine import Machine, machine
from benchmarks.stored import wait_for_merges
from warehouse.audit.findings import Audit
from warehouse.audit.run import audit
from warehouse.client import connect

LEDGER = Path(__file__).with_name("ledger.sql")
TOPIC = UUID(int=0xA0D17)
PARTITIONS = 4
DAYS = 90
STEP = 1_000_000
"""Rows that are generated at a time."""
BYTES = "SELECT sum(bytes_on_disk) FROM system.parts WHERE database = currentDatabase()"
EVEN = 32
"""A day's events are a multiple of this, so that every source and every partition has whole numbers of them."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """Some audits of one kind."""

    title: str
    seconds: Spread
    cpu: Spread
    """CPU seconds of the warehouse."""
    before_mb: float
    """Resident memory of the warehouse before the first."""
    peak_mb: float
    """The most that it was while they ran."""
    rows_read: int
    adds_up: bool


@dataclasses.dataclass(frozen=True)
class Report:
    """All that was measured."""

    machine: Machine
    rows: int
    on_disk: int
    """Bytes of the table."""
    hours: int
    sources: int
    audits: tuple[Measured, ...]


def measure(folder: Path, rows: int, rounds: int, tell: Tell) -> Report:
    """Generate a ledger and audit it. Raises `click.ClickException` where an audit says what is not so."""
    at_start = machine()
    with Ground(folder, tell, kafka=False) as ground, ground.database() as database, connect(database) as client:
        day = max(EVEN, rows // DAYS // EVEN * EVEN)
        total, more = day * DAYS, day // 10 // EVEN * EVEN
        for partition in range(PARTITIONS):
            client.command(f"INSERT INTO fences VALUES ('{TOPIC}', {partition}, {NONCE})")
        _generate(client, day, 0, total, tell)
        wait_for_merges(client, tell)
        take = _Taker(client, ground.warehouse.pid, rounds, tell)
        full, first = take("everything", lambda: audit(client, TOPIC, _log(total)))
        again, _ = take("nothing new", lambda: audit(client, TOPIC, _log(total), mark=first.mark))
        _generate(client, day, total, more, tell)
        since, _ = take(f"{more:,} new rows", lambda: audit(client, TOPIC, _log(total + more), mark=first.mark))
        client.command(
            "INSERT INTO events SELECT * FROM events WHERE kafka_partition = 1 AND kafka_offset = {offset:UInt64}",
            parameters={"offset": total // PARTITIONS // 2},
        )
        wrong, _ = take(
            "the same and an old row doubled",
            lambda: audit(client, TOPIC, _log(total + more), mark=first.mark),
            adds_up=False,
        )
        on_disk = int(str(client.command(f"{BYTES} AND active AND table = 'events'")))
        return Report(at_start, total, on_disk, len(first.hours), len(first.sources), (full, again, since, wrong))


def show(report: Report, console: Console) -> None:
    """The figures on a terminal."""
    console.print(
        f"{report.machine.at} · {report.machine.processor} · {report.machine.cores} cores"
        f" · load average at start {report.machine.load:.2f}\n"
        f"{report.rows:,} rows, {report.on_disk / 1e6:,.0f} MB, {PARTITIONS} partitions, {report.hours:,} hours of a"
        f" partition, {report.sources:,} sources; median (least–greatest)",
        highlight=False,
    )
    table = Table("audit of", "s", "CPU s", "rows read", "MB before", "most", box=None)
    for one in report.audits:
        sizes = (f"{one.rows_read:,}", f"{one.before_mb:,.0f}", f"{one.peak_mb:,.0f}")
        table.add_row(one.title, one.seconds.show(2), one.cpu.show(2), *sizes)
    console.print(table)


def _generate(client: Client, day: int, begin: int, count: int, tell: Tell) -> None:
    fixed = {"topic_id": str(TOPIC), "nonce": NONCE, "day": day, "partitions": PARTITIONS}
    for first in range(begin, begin + count, STEP):
        tell(f"generating {count:,} rows", first - begin, count)
        some = {"first": first, "count": min(STEP, begin + count - first)}
        client.command(LEDGER.read_text(), parameters={**fixed, **some})


def _log(rows: int) -> dict[int, tuple[int, int]]:
    return dict.fromkeys(range(PARTITIONS), (0, rows // PARTITIONS))


class _Taker:
    """Runs audits of one kind some times over, and looks at the warehouse meanwhile."""

    def __init__(self, client: Client, pid: int, rounds: int, tell: Tell) -> None:
        self._client, self._pid, self._rounds, self._tell = client, pid, rounds, tell

    def __call__(self, title: str, take: Callable[[], Audit], *, adds_up: bool = True) -> tuple[Measured, Audit]:
        seconds, cpu = [], []
        before = _memory_mb(self._pid, "VmRSS")
        with _peak(self._pid) as peak:
            for number in range(self._rounds):
                self._tell(f"auditing: {title}", number, self._rounds)
                began, used = time.monotonic(), cpu_seconds(self._pid)
                found = take()
                seconds.append(time.monotonic() - began)
                cpu.append(cpu_seconds(self._pid) - used)
        if found.adds_up != adds_up or found.behind:
            raise click.ClickException(f"An audit of generated rows was wrong: {found.partitions}")
        measured = Measured(title, Spread.of(seconds), Spread.of(cpu), before, peak(), found.read, found.adds_up)
        return measured, found


@contextmanager
def _peak(pid: int) -> Iterator[Callable[[], float]]:
    """The most resident memory that a process has from here on, MB (Linux)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    yield lambda: _memory_mb(pid, "VmHWM")


def _memory_mb(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))
