"""A race: one contender reads a whole log into a database of its own; how long that took, and what it cost."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import click
import httpx
import msgspec
from clickhouse_connect.driver.client import Client

from benchmarks.contenders.functions import NONCE, Start, Task
from benchmarks.environments import ROOT, python_of
from benchmarks.ground import Ground, Log, cpu_seconds, wait_for
from deploy.folder import write_private
from deploy.preflight import HOST, free_port
from deploy.process import Process
from deploy.settings import environment
from deploy.stack import WEIR
from streams.settings import StreamSettings
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

STALL_SECONDS = 60.0
"""A contender that stores nothing for so long is given up."""

Progress = Callable[[int], None]
"""Rows that are stored."""


@dataclasses.dataclass(frozen=True)
class Contender:
    """Somebody who can do the worker's work."""

    name: str
    title: str
    module: str = ""
    """In `benchmarks.contenders`; empty: Weir's own worker."""
    peer: str = ""
    """Whose environment it runs in; empty: Weir's."""


WORKER = Contender("weir", "Weir's worker")
FAUST = Contender("faust", "Faust `take()`", "faust_take")
QUIX = Contender("quix", "Quix Streams", "quix_streams", "quix")
BYTEWAX = Contender("bytewax", "Bytewax", "bytewax_flow", "bytewax")
BARE = Contender("bare", "bare consume() loop", "bare_consumer")
ALONE = Contender("alone", "functions and insert alone", "in_process")
CONTENDERS = (WORKER, FAUST, QUIX, BYTEWAX, BARE, ALONE)


@dataclasses.dataclass(frozen=True)
class Run:
    """What one race took, from the first record to the last row."""

    contender: str
    rows: int
    wall: float
    """Seconds."""
    cpu: float
    """CPU seconds of the contender."""
    warehouse_cpu: float
    """CPU seconds of the warehouse meanwhile."""

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.rows / self.wall

    @property
    def cost(self) -> float:
        """CPU microseconds an event, the warehouse's left out."""
        return self.cpu / self.rows * 1e6

    @property
    def warehouse_cost(self) -> float:
        """The warehouse's CPU microseconds an event."""
        return self.warehouse_cpu / self.rows * 1e6


def race(ground: Ground, log: Log, contender: Contender, progress: Progress) -> tuple[Run, Mapping[str, float]]:
    """Let a contender read the log into a new database; its run, and what it says of itself."""
    with ground.database() as database, connect(database) as client:
        starter = _start_worker if contender is WORKER else _start_other
        process, start, said = starter(ground, log, contender, database)
        try:
            warehouse = cpu_seconds(ground.warehouse.pid)
            watch(client, log.records, process, progress)
            wall = time.monotonic() - start.monotonic
            run = Run(
                contender.name,
                log.records,
                wall,
                cpu_seconds(process.pid) - start.cpu,
                cpu_seconds(ground.warehouse.pid) - warehouse,
            )
            return run, said()
        finally:
            ground.end(process)


def watch(client: Client, rows: int, process: Process, progress: Progress) -> None:
    """Return when so many rows are stored. Asks seldom while there is far to go: asking costs the warehouse too."""
    began = moved = time.monotonic()
    stored = 0
    while stored < rows:
        seen, stored = stored, _count(client)
        now = time.monotonic()
        moved = now if stored > seen else moved
        progress(stored)
        if process.exit_code is not None or now - moved > STALL_SECONDS:
            raise click.ClickException(
                f"{process.log.stem} stopped at {stored:,} of {rows:,} rows; its log ends with\n{process.tail()}"
            )
        rate = stored / max(now - began, 0.001)
        time.sleep(min(0.5, max(0.02, (rows - stored) / rate / 8)) if stored else 0.1)


def _count(client: Client) -> int:
    return int(str(client.command("SELECT count() FROM events")))


def worker(
    ground: Ground, log: Log, database: WarehouseSettings, group: str, name: str = "worker", *, hold: float = 0.0
) -> tuple[Process, str]:
    """Weir's worker as a process, and its address. Without a hold, as a rule: a log's last clicks would wait for it."""
    port = free_port()
    own = {"WEIR_GROUP": group, "WEIR_WORKER_PORT": str(port), "WEIR_SESSION_TIMEOUT": "6", "WEIR_HOLD": str(hold)}
    env = environment(log.kafka) | environment(database) | own
    return ground.run(name, (*WEIR, "run", "worker"), env), f"http://{HOST}:{port}/-/"


def is_reading(address: str) -> bool:
    """Whether a worker has its partitions."""
    try:
        return httpx.get(f"{address}ready", timeout=1.0, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _start_worker(
    ground: Ground, log: Log, contender: Contender, database: WarehouseSettings
) -> tuple[Process, Start, Callable[[], Mapping[str, float]]]:
    process, address = worker(ground, log, database, f"bench-{uuid4().hex[:8]}", contender.name)
    wait_for(lambda: is_reading(address), process, pause=0.01)
    return process, Start(time.monotonic(), cpu_seconds(process.pid)), lambda: measures(address)


def measures(address: str) -> Mapping[str, float]:
    """Seconds that the worker says it spent in the chain and in inserts, from its metrics."""
    text = httpx.get(f"{address}metrics", timeout=5.0, trust_env=False).text
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("weir_worker_"))
    return {name: float(found.get(f"weir_worker_{name}_seconds_sum", 0)) for name in ("chain", "insert")}


def _start_other(
    ground: Ground, log: Log, contender: Contender, database: WarehouseSettings
) -> tuple[Process, Start, Callable[[], Mapping[str, float]]]:
    python = python_of(contender.peer, ground.path / "peers", lambda _: None) if contender.peer else sys.executable
    mark = ground.path / f"{contender.name}.start"
    mark.unlink(missing_ok=True)
    mark.with_suffix(".said").unlink(missing_ok=True)
    task = ground.path / f"{contender.name}.task"
    write_private(task, msgspec.json.encode(_task(log, database, mark)).decode())
    if contender is not ALONE:
        _fence(log, database)
    command = (python, "-m", f"benchmarks.contenders.{contender.module}", str(task))
    process = ground.run(contender.name, command, {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"})
    wait_for(mark.exists, process, pause=0.01)
    start = msgspec.json.decode(mark.read_bytes(), type=Start)
    return process, start, lambda: _said(mark.with_suffix(".said"), process) if contender is ALONE else {}


def _said(file: Path, process: Process) -> Mapping[str, float]:
    """What the contender has to say, which it works out when it has counted everything."""
    wait_for(file.exists, process)
    found: Mapping[str, float] = json.loads(file.read_text())
    return found


def _task(log: Log, database: WarehouseSettings, mark: Path) -> Task:
    """What every contender is told; batch size and linger are those of Weir's worker."""
    settings = StreamSettings()
    return Task(
        kafka=log.kafka.kafka,
        topic=log.topic,
        topic_id=log.topic_id,
        group=f"bench-{uuid4().hex[:8]}",
        clickhouse=database.clickhouse,
        user=database.clickhouse_user,
        password=database.clickhouse_password.get_secret_value(),
        database=database.clickhouse_database,
        geo_dir=str(settings.geo_dir.absolute()),
        cache_size=settings.cache_size,
        rows=settings.batch_rows,
        linger=settings.batch_linger,
        records=log.records,
        mark=str(mark),
    )


def _fence(log: Log, database: WarehouseSettings) -> None:
    """Let a writer without a ledger write all partitions."""
    rows = [[str(log.topic_id), partition, NONCE] for partition in range(log.kafka.kafka_partitions)]
    with connect(database) as client:
        client.insert("fences", rows, column_names=["topic_id", "kafka_partition", "nonce"])
