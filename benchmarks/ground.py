"""The ground that all contenders run on: one Kafka, one embedded warehouse, a log that is written once."""

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

import click
import psutil
from confluent_kafka import KafkaException, Producer
from pydantic import SecretStr

from benchmarks.clicks import clicks
from benchmarks.redirects.requests import link_record
from deploy import topics
from deploy.broker import LocalKafka
from deploy.folder import Folder
from deploy.guardian import Guardian
from deploy.preflight import HOST, free_port
from deploy.process import Process
from deploy.settings import environment
from deploy.stack import WEIR, is_ready
from ingest.kafka import CLICKS_RAW, LINKS, KafkaSettings, Topic, topic_id, watermarks
from warehouse.client import connect
from warehouse.embedded.settings import EmbeddedSettings
from warehouse.migrate import migrate
from warehouse.settings import WarehouseSettings

PARTITIONS = 4
READY_SECONDS = 60.0
STOP_SECONDS = 30.0

Tell = Callable[[str, int, int], None]
"""What is going on, how far it is, out of how much."""


@dataclasses.dataclass(frozen=True)
class Log:
    """A topic with records to be read."""

    kafka: KafkaSettings
    records: int
    topic_id: UUID

    @property
    def topic(self) -> str:
        """Its whole name."""
        return self.kafka.topic(CLICKS_RAW.name)


class Ground:
    """Broker and warehouse, each if wanted, in a folder, as a context manager; a second run finds its logs again."""

    warehouse: Process

    def __init__(self, path: Path, tell: Tell, *, kafka: bool = True, warehouse: bool = True) -> None:
        self.path = path.absolute()
        self._with_kafka, self._with_warehouse = kafka, warehouse
        self._tell = tell
        self._folder = Folder(self.path)
        self._guardian = Guardian()
        self._broker = LocalKafka(self.path / "kafka")
        self._processes: list[Process] = []

    def __enter__(self) -> Self:
        self._folder.take()
        try:
            if self._with_kafka:
                self._tell("starting Kafka", 0, 0)
                self._broker.start()
            if self._with_warehouse:
                self._tell("starting the warehouse", 0, 0)
                self._start_warehouse()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.stop(STOP_SECONDS)
        self._broker.stop()
        self._guardian.close()
        self._folder.release()

    def _start_warehouse(self) -> None:
        port = free_port()
        own = EmbeddedSettings(
            path=self.path / "warehouse",
            host=HOST,
            port=port,
            user="weir",
            password=SecretStr(self._folder.password("warehouse")),
            reader_password=SecretStr(self._folder.password("reader")),
        )
        self.warehouse = self.run("warehouse", (*WEIR, "run", "warehouse"), environment(own))
        address = f"http://{HOST}:{port}"
        wait_for(
            lambda: is_ready(f"{address}/?query=SELECT+1", (own.user, own.password.get_secret_value())), self.warehouse
        )
        self._server = WarehouseSettings(
            clickhouse=address, clickhouse_user=own.user, clickhouse_password=own.password, clickhouse_database="bench"
        )

    def run(self, name: str, command: tuple[str, ...], env: Mapping[str, str]) -> Process:
        """Start a process that does not outlive this one."""
        logs = self.path / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        process = Process(command, guardian=self._guardian, log=logs / f"{name}.log", env=env)
        self._processes.append(process)
        return process

    def end(self, process: Process) -> None:
        """Stop a process now."""
        process.stop(STOP_SECONDS)
        self._processes.remove(process)

    def empty_log(self) -> Log:
        """Topics of a new name with nothing in them."""
        return self._log(f"fresh-{uuid4().hex[:8]}.")

    def log(self, records: int, seed: int) -> Log:
        """The log of so many clicks; written only where no earlier run has left it."""
        log = self._log(f"clicks-{records}-{seed}.")
        found = sum(end for _, end in watermarks(log.kafka, CLICKS_RAW).values())
        if found == 0:
            self.write(log, records, seed)
        elif found != records:
            raise click.ClickException(
                f"{log.topic} has {found:,} records of {records:,}: an earlier run was ended while it wrote them."
                f" Choose another --seed, or remove {self.path / 'kafka'}."
            )
        return dataclasses.replace(log, records=records)

    def _log(self, prefix: str) -> Log:
        kafka = KafkaSettings(
            kafka=self._broker.bootstrap,
            kafka_security_protocol="PLAINTEXT",
            kafka_prefix=prefix,
            kafka_partitions=PARTITIONS,
            kafka_replication=1,
        )
        topics.ensure(kafka)
        _wait_for_leaders(kafka)
        return Log(kafka, 0, topic_id(kafka, CLICKS_RAW))

    def links(self, number: int) -> KafkaSettings:
        """Topics of which `links` has so many; written only where no earlier run has left them."""
        kafka = self._log(f"links-{number}.").kafka
        found = sum(end for _, end in watermarks(kafka, LINKS).values())
        if found != number:  # a record that is written again is the same link again
            self._fill(kafka, LINKS, map(link_record, range(number)), number)
        return kafka

    def write(self, log: Log, records: int, seed: int) -> None:
        """Write the clicks of a seed to a log."""
        self._fill(log.kafka, CLICKS_RAW, clicks(records, seed), records)

    def _fill(self, kafka: KafkaSettings, topic: Topic, records: Iterable[tuple[bytes, bytes]], total: int) -> None:
        """Write records to a topic."""
        producer, name = Producer(producing(kafka)), kafka.topic(topic.name)
        for number, (key, value) in enumerate(records, 1):
            while True:
                with contextlib.suppress(BufferError):
                    producer.produce(name, key=key, value=value)
                    break
                producer.poll(0.1)
            if number % 1000 == 0:
                producer.poll(0)
                self._tell(f"writing {topic.name}", number, total)
        if left := producer.flush(60):
            raise click.ClickException(f"Kafka did not take {left:,} records of {name}.")

    @contextlib.contextmanager
    def kafka_hangs(self) -> Iterator[None]:
        """The broker takes connections and requests, and answers none, as long as this lasts."""
        if self._broker.process is None:
            raise RuntimeError("there is no broker on this ground")
        os.killpg(self._broker.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._broker.process.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def database(self) -> Iterator[WarehouseSettings]:
        """A new database with Weir's tables; dropped in the end."""
        settings = self._server.model_copy(update={"clickhouse_database": f"bench_{uuid4().hex[:12]}"})
        migrate(settings)
        yield settings
        self.drop(settings.clickhouse_database)

    def kept_database(self, name: str) -> WarehouseSettings:
        """A database that later runs find again."""
        settings = self._server.model_copy(update={"clickhouse_database": name})
        migrate(settings)
        return settings

    def drop(self, database: str) -> None:
        """Remove a database."""
        with connect(self._server, database=None) as client:
            client.command(f"DROP DATABASE IF EXISTS {database} SYNC")


def producing(kafka: KafkaSettings) -> dict[str, str | int | float | bool]:
    """Options of a producer that behaves as the redirector's."""
    return kafka.librdkafka() | {
        "compression.type": "lz4",
        "linger.ms": 5,
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": 200_000,
    }


def _wait_for_leaders(kafka: KafkaSettings) -> None:
    """A topic that has just been made is led by nobody for a moment."""
    limit = time.monotonic() + READY_SECONDS
    while True:
        try:
            for topic in (CLICKS_RAW, LINKS):
                watermarks(kafka, topic)
        except KafkaException:
            if time.monotonic() > limit:
                raise
            time.sleep(0.1)
        else:
            return


def wait_for(ready: Callable[[], bool], process: Process, seconds: float = READY_SECONDS, pause: float = 0.05) -> None:
    """Return once `ready`; raises `click.ClickException` with the process's last lines where it ends before."""
    limit = time.monotonic() + seconds
    while not ready():
        if process.exit_code is not None or time.monotonic() > limit:
            raise click.ClickException(f"{process.log.stem} did not start:\n{process.tail()}")
        time.sleep(pause)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process and its children have used."""
    process = psutil.Process(pid)
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = one.cpu_times()
            total += used.user + used.system
    return total
