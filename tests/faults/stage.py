"""The stage of some runs: topics, a warehouse and workers of its own, on which one fault after the other is injected.

To set a stage takes longer than to recover from a fault, so runs of one row share one. Each run begins with everything
counted and the workers reading, and what is judged at its end is the whole stage: what any run before it was promised
counts still. A stage on which something missed is not used again.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple
from uuid import UUID, uuid4

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from deploy import topics
from deploy.broker import LocalKafka
from deploy.guardian import Guardian
from ingest.kafka import CLICKS_RAW, KafkaSettings, topic_id, watermarks
from tests.faults.broker import ProxiedKafka
from tests.faults.clients import DOMAIN, HttpDriver, write_links
from tests.faults.disk import SmallDisk
from tests.faults.driver import Driver, StreamDriver
from tests.faults.proxy import Proxy
from tests.faults.row import Part, Row
from tests.faults.service import WEIR, Crew, Service
from tests.faults.watcher import Commits, Watcher
from tests.fixtures.services import environment_of
from tests.fixtures.warehouse import EmbeddedServer
from warehouse.audit.findings import Audit
from warehouse.audit.run import audit
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.settings import WarehouseSettings

CLOCKED = (sys.executable, str(Path(__file__).with_name("clocked.py")))
"""`weir` with a clock that can be set."""
SESSION_SECONDS = 2.0
"""Session timeout of the workers: a dead one has to be waited for so long."""
LINGER_SECONDS = 0.3
"""How long an insert waits for more clicks: many small inserts are many moments to be hit at."""
HEARTBEAT_SECONDS = 0.5
"""How often a redirector says how far Kafka has its events: a run of some seconds has many of them."""
HOLD_SECONDS = 1.0
"""How long a click is held for what comes after it: long enough to be killed in it."""
READY_SECONDS = 90.0
COUNTED_SECONDS = 120.0
TICK_SECONDS = 0.1


class Damage(NamedTuple):
    """What was done to what a dead redirector left."""

    lost: Collection[int]
    """Its numbers that nobody can read any more."""
    is_open: bool
    """Nobody can know any more how many numbers there were."""


class Missed(Exception):
    """Something that had to happen did not, or the other way round."""


class Stage:
    """What a row's fault is given."""

    def __init__(self, row: Row, folder: Path) -> None:
        self.row, self.folder = row, folder
        self.case: str
        """Which way of doing it this run takes."""
        self.random: Random
        """What decides what is done, and when."""
        self.notes: list[str] = []
        """What was injected, for the line of the run."""
        self._began = 0.0
        self._exits_before = 0
        self.broker: LocalKafka
        self.kafka: KafkaSettings
        self.group: str
        """Consumer group of the workers."""
        self.server: EmbeddedServer
        self.warehouse: WarehouseSettings
        self.disk: SmallDisk
        self.proxies: dict[Part, Proxy] = {}
        self.crew: Crew
        """The workers."""
        self.redirectors: Crew
        self.rollers: Crew
        self.driver: Driver
        self.damage: dict[int, Damage] = {}
        """What was done to the spools of redirectors that had died, by their start ids."""
        self.commits: Commits
        self.watcher: Watcher

    def begin(self, seed: int) -> None:
        """Begin a run: what this seed decides, and clicks from sources of its own."""
        self.case = self.row.cases[seed % len(self.row.cases)]
        self.random = Random(f"{self.row.name}/{seed}")
        self.notes = [self.case] if self.case else []
        self._began = time.monotonic()
        self._exits_before = len(self.worker.exits)
        self.unwatch()
        self.watch()
        self.wait_ready()
        self.driver.begin(Random(f"load/{seed}"), self.row.traffic)

    def watch(self) -> None:
        """Watch the workers and the commits, from now on and for this run only."""
        self.watcher = Watcher(self.commits, self.topic_id(), self.crew, self.redirectors)

    def unwatch(self) -> None:
        """Watch no more."""
        self.watcher.stop()

    @property
    def worker(self) -> Service:
        """The first worker, which is the one that suffers."""
        return self.crew.services[0]

    @property
    def stream(self) -> StreamDriver:
        """The driver of a row whose clicks go straight to Kafka."""
        if not isinstance(self.driver, StreamDriver):
            raise TypeError(f"the clicks of row {self.row.name} come over HTTP")
        return self.driver

    @property
    def clients(self) -> HttpDriver:
        """The driver of a row with redirectors."""
        if not isinstance(self.driver, HttpDriver):
            raise TypeError(f"row {self.row.name} has no redirectors")
        return self.driver

    @property
    def spool(self) -> Path:
        """The folder of the redirectors' slots."""
        return (self.disk.folder if self.row.small_disk is Part.SPOOL else self.folder) / "spool"

    def clock_of(self, number: int) -> Path:
        """The file with the seconds by which the clock of a redirector is ahead, where the row has `clocks`."""
        return self.folder / f"clock-{number}"

    @property
    def exits(self) -> list[int]:
        """How its processes ended in this run; a signal is negative."""
        return self.worker.exits[self._exits_before :]

    @property
    def clickhouse_proxy(self) -> Proxy:
        """Between the first worker and ClickHouse."""
        return self.proxies[Part.CLICKHOUSE]

    @property
    def kafka_proxy(self) -> Proxy:
        """Before Kafka's second door."""
        return self.proxies[Part.KAFKA]

    def note(self, text: str) -> None:
        """Say what is injected."""
        self.notes.append(f"{time.monotonic() - self._began:.1f}s {text}")

    def sleep(self, low: float, high: float) -> None:
        """Wait a random while of seconds."""
        time.sleep(self.random.uniform(low, high))

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Wait for a condition; gives the seconds that it took. Raises `Missed` with `what` did not happen."""
        started = time.monotonic()
        while not condition():
            if time.monotonic() - started > seconds:
                raise Missed(f"{what} (waited {seconds:.0f} s)")
            time.sleep(TICK_SECONDS)
        return time.monotonic() - started

    def wait_ready(self) -> None:
        """Wait until all workers read."""
        self.wait(
            lambda: all(worker.ready for worker in self.crew.services), READY_SECONDS, "the workers are not ready"
        )

    def wait_counted(self) -> None:
        """Wait until everything that is in the log by now is counted. Raises `Missed`."""
        topic_id, log, behind = self.topic_id(), dict[int, tuple[int, int]](), dict[int, int]()

        def counted() -> bool:
            with contextlib.suppress(KafkaException, httpx.HTTPError):
                log.update(log or self.commits.log())
                behind.update(self.commits.behind(topic_id, log))
            return bool(behind) and not any(behind.values())

        try:
            self.wait(counted, COUNTED_SECONDS, "not everything was counted")
        except Missed as missed:
            raise Missed(f"{missed}, behind by partition: {behind}") from None

    def audit(self) -> Audit:
        """The ledger now."""
        with contextlib.closing(connect(self.warehouse)) as client:
            return audit(client, self.topic_id(), watermarks(self.kafka, CLICKS_RAW))

    def take_times_of_senders(self) -> None:
        """Let Kafka keep the time that a record brings, however far ahead, from now on."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.kafka.topic(CLICKS_RAW.name))
        for name, value in (("type", "CreateTime"), ("after.max.ms", str(2**63 - 1))):
            entry = ConfigEntry(f"message.timestamp.{name}", value, incremental_operation=AlterConfigOpType.SET)
            resource.add_incremental_config(entry)
        admin = AdminClient(self.kafka.librdkafka())
        admin.incremental_alter_configs([resource])[resource].result(20)

    def topic_id(self) -> UUID:
        """Id of `clicks.raw`, as it is now."""
        return topic_id(self.kafka, CLICKS_RAW)

    def execute(self, sql: str) -> str:
        """Run a statement in the warehouse; gives its answer."""
        answer = httpx.post(
            self.warehouse.clickhouse,
            params={"database": self.warehouse.clickhouse_database},
            content=sql,
            auth=(self.warehouse.clickhouse_user, self.warehouse.clickhouse_password.get_secret_value()),
            timeout=60,
            verify=False,
        )
        if answer.status_code != 200:
            raise Missed(f"the warehouse refused {sql!r}: {answer.text[:300]}")
        return answer.text.strip()

    def hire(self, *, through_proxy: bool = False) -> Service:
        """One more worker."""
        kafka, warehouse = self.kafka, self.warehouse
        if through_proxy and Part.KAFKA in self.row.through_proxy:
            kafka = kafka.model_copy(update={"kafka": f"127.0.0.1:{self.kafka_proxy.port}"})
        if through_proxy and Part.CLICKHOUSE in self.row.through_proxy:
            address = f"http://127.0.0.1:{self.clickhouse_proxy.port}"
            warehouse = warehouse.model_copy(update={"clickhouse": address})
        settings = {
            "group": self.group,
            "session_timeout": str(SESSION_SECONDS),
            "batch_linger": str(LINGER_SECONDS),
            "hold": str(HOLD_SECONDS),
            "geo_dir": str(self.folder),
            **self.row.settings,
        }
        environment = environment_of(kafka, warehouse) | {
            f"WEIR_{key.upper()}": value for key, value in settings.items()
        }
        return self.crew.hire(environment, self.folder)

    def hire_redirector(self) -> Service:
        """One more redirector, whose Kafka is behind the proxy; its clients are believed about their addresses."""
        kafka = self.kafka.model_copy(update={"kafka": f"127.0.0.1:{self.kafka_proxy.port}"})
        settings = {
            "default_domain": DOMAIN,
            "trusted_proxies": "127.0.0.0/8",
            "show_click_id": "true",
            "redirector_heartbeat_seconds": str(HEARTBEAT_SECONDS),
            "spool": str(self.spool),
            **self.row.edge,
        }
        environment = environment_of(kafka) | {f"WEIR_{key.upper()}": value for key, value in settings.items()}
        clock = self.clock_of(len(self.redirectors.services))
        clock.write_text("0")
        return self.redirectors.hire(environment | {"CLOCK": str(clock)}, self.spool.parent)

    def hire_roller(self) -> Service:
        """One more roller, whose clock says that every hour has ended, and which has something to roll all the time."""
        settings = {"WEIR_ROLL_SECONDS": "0.1", "CLOCK": str(self.rollers_clock)}
        self.rollers_clock.write_text("0")
        return self.rollers.hire(environment_of(self.warehouse) | settings, self.folder)

    @property
    def rollers_clock(self) -> Path:
        """The file with the seconds by which the rollers' clock is ahead."""
        return self.folder / "clock-of-rollers"


@contextlib.contextmanager
def staged(row: Row, broker: LocalKafka, folder: Path) -> Iterator[Stage]:
    """Set a stage, with its workers started and nothing sent yet; clears it at the end."""
    stage = Stage(row, folder)
    with contextlib.ExitStack() as ends:
        if row.small_disk is not None:
            stage.disk = SmallDisk(folder / "disk")
            ends.callback(stage.disk.unmount)
        stage.broker = _broker(stage, broker, ends)
        stage.kafka = KafkaSettings(kafka=stage.broker.bootstrap, kafka_prefix=f"{uuid4().hex[:8]}.")
        stage.group = f"{stage.kafka.kafka_prefix}weir"
        topics.ensure(stage.kafka)
        write_links(stage.kafka)
        if row.clock:
            stage.take_times_of_senders()
        stage.server = _warehouse(stage, ends)
        stage.warehouse = stage.server.settings("weir")
        migrate(stage.warehouse)
        _proxies(stage, ends)
        guardian = Guardian()
        ends.callback(guardian.close)
        stage.crew = Crew(guardian, str(WEIR), "run", "worker")
        ends.callback(stage.crew.stop)
        for number in range(row.workers):
            stage.hire(through_proxy=number == 0)
        stage.redirectors = Crew(guardian, *(CLOCKED if row.clocks else (str(WEIR),)), "run", "redirector")
        ends.callback(stage.redirectors.stop)
        for _ in range(row.redirectors):
            stage.hire_redirector()
        stage.rollers = Crew(guardian, *CLOCKED, "run", "roller")
        ends.callback(stage.rollers.stop)
        for _ in range(row.rollers):
            stage.hire_roller()
        stage.driver = _driver(stage)
        ends.callback(stage.driver.abandon)
        stage.commits = Commits(stage.kafka, stage.warehouse, stage.group)
        ends.callback(stage.commits.close)
        stage.watch()
        ends.callback(stage.unwatch)
        yield stage


def _broker(stage: Stage, broker: LocalKafka, ends: contextlib.ExitStack) -> LocalKafka:
    if stage.row.small_disk is not Part.KAFKA:
        return broker
    own = LocalKafka(stage.disk.folder / "kafka")
    own.start()
    ends.callback(own.stop)
    return own


def _warehouse(stage: Stage, ends: contextlib.ExitStack) -> EmbeddedServer:
    parent = stage.disk.folder if stage.row.small_disk is Part.CLICKHOUSE else stage.folder
    server = EmbeddedServer(parent / "warehouse")
    server.start()
    ends.callback(server.kill)
    return server


def _driver(stage: Stage) -> HttpDriver | StreamDriver:
    return HttpDriver(stage.redirectors, stage.spool) if stage.row.redirectors else StreamDriver(stage.kafka)


def _proxies(stage: Stage, ends: contextlib.ExitStack) -> None:
    if Part.CLICKHOUSE in stage.row.through_proxy:
        stage.proxies[Part.CLICKHOUSE] = Proxy(stage.server.port)
        ends.callback(stage.clickhouse_proxy.close)
    if Part.KAFKA in stage.row.through_proxy or stage.row.redirectors:
        if not isinstance(stage.broker, ProxiedKafka):
            raise TypeError(f"row {stage.row.name} needs a broker with a second listener")
        stage.proxies[Part.KAFKA] = stage.broker.proxy
        ends.callback(stage.broker.proxy.heal)
