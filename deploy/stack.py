"""The local stack: broker, warehouse, worker, roller, redirector, API; as `weir up`, the demo and the tests run it."""

import dataclasses
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import click
import httpx
from clickhouse_connect.driver.exceptions import ClickHouseError
from pydantic import SecretStr

from api.settings import ApiSettings
from deploy import preflight, topics
from deploy.broker import START_SECONDS, STOP_SECONDS, LocalKafka, answers
from deploy.folder import Folder
from deploy.geodata import geo_directory
from deploy.kafka import jars
from deploy.settings import StackSettings, environment
from deploy.signing import make_key
from deploy.supervisor import Notice, Service, Supervisor, What
from ingest.kafka import CLICKS_RAW, KafkaSettings
from ingest.settings import IngestSettings
from ingest.signing_keys import SigningSettings
from warehouse.client import WarehouseUnavailable
from warehouse.embedded.settings import EmbeddedSettings
from warehouse.migrate import MigrationConflict, migrate
from warehouse.settings import WarehouseSettings

WEIR = (sys.executable, "-P", "-m", "deploy")
"""The command line as a process; -P: a folder named `api` where the user stands is not taken for ours."""

MOCK = (sys.executable, "-P", "-m", "deploy.mock_broker")
"""The mock cluster as a process; wants the file for its address."""

MOCK_MEANS = (
    "librdkafka's mock cluster is the broker: it keeps clicks in memory only (5 MiB a partition, gone when the stack"
    " stops) and is no ground for exactly-once. It is for a first look."
)


@dataclasses.dataclass(frozen=True)
class Addresses:
    """Where the stack's parts are to be reached."""

    redirector: str
    api: str
    clickhouse: str
    kafka: str


class Stack:
    """The whole local stack, as a context manager; what it starts is stopped at the end, however the end comes.

    With `WEIR_KAFKA` or `WEIR_CLICKHOUSE` in the environment it uses those servers and starts none of its own.
    After `start`, `addresses`, `kafka` and `warehouse` say how to reach its parts. Entering raises
    `click.ClickException` (`Missing`, `Failed`) with what is wrong and what to do; nothing is left running then.
    """

    addresses: Addresses
    kafka: KafkaSettings
    warehouse: WarehouseSettings

    def __init__(
        self,
        settings: StackSettings | None = None,
        tell: Callable[[Notice], None] = lambda _: None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """`more` holds further settings of its services, as environment variables."""
        self._settings = settings or StackSettings()
        self._more = dict(more or {})
        self._tell = tell
        self.folder = Folder(self._settings.data)
        self._supervisor: Supervisor | None = None
        self._ports: set[int] = set()
        self._worker = ""
        """Address of a worker, the last one."""
        self._facts: dict[str, str] = {}
        """What services and commands need to know of the folder and of each other."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def logs(self) -> Path:
        """Folder of the services' logs."""
        return self.folder.path / "logs"

    def start(self) -> None:
        """Start everything in order; returns when all of it is ready."""
        self.folder.take()
        try:
            preflight.disk(self.folder.path)
            self._supervisor = Supervisor(self.logs, self._tell)
            self._start_stores(self._supervisor)
            self._start_services(self._supervisor)
        except BaseException:  # Ctrl-C too: whatever the reason, nothing is left running
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, in the reverse order. May be called twice."""
        try:
            if self._supervisor is not None:
                self._supervisor.stop()
        finally:
            self.folder.release()

    def wait(self) -> None:
        """Wait until a service was given up, and raise `Failed` with its reason."""
        if self._supervisor is not None:
            self._supervisor.failed.wait()
            raise self._supervisor.failure or RuntimeError("a stack failed without a reason")

    def pids(self) -> dict[str, int]:
        """Process id of each service."""
        return self._supervisor.pids() if self._supervisor else {}

    def environment(self) -> dict[str, str]:
        """The environment in which the other commands reach this stack."""
        found = {"WEIR_API": self.addresses.api, "WEIR_WORKER": self._worker}
        return environment(self.kafka) | environment(self.warehouse) | self._facts | found

    def _start_stores(self, supervisor: Supervisor) -> None:
        """The broker and its topics, the warehouse and its tables."""
        self.kafka = self._start_broker(supervisor)
        self._check_topics()
        self.warehouse = self._start_warehouse(supervisor)
        try:
            migrate(self.warehouse)
        except (WarehouseUnavailable, MigrationConflict) as error:
            raise click.ClickException(str(error)) from error
        except ClickHouseError as error:
            raise click.ClickException(f"{self.warehouse.clickhouse} refuses the schema: {error}") from error

    def _check_topics(self) -> None:
        """Make the topics, refuse wrong ones, and more workers than there are partitions to share."""
        partitions = self.kafka.kafka_partitions  # on the mock there is nothing to look at
        if self.kafka.kafka_mock is None:
            found = topics.ensure(self.kafka)
            topics.refuse_wrong(found)
            raw = self.kafka.topic(CLICKS_RAW.name)
            partitions = next(topic.partitions for topic in found if topic.topic == raw)
        if self._settings.workers > partitions:
            raise preflight.Missing(
                f"{self._settings.workers} workers can't share the {partitions} partitions of {CLICKS_RAW.name}.",
                f"Start with `--workers {partitions}` at the most.",
            )

    def _start_broker(self, supervisor: Supervisor) -> KafkaSettings:
        given = KafkaSettings()
        if "kafka" in given.model_fields_set:
            if not answers(given.librdkafka(), seconds=10):
                raise preflight.Missing(
                    f"No Kafka answers at {given.kafka} (WEIR_KAFKA).",
                    "Check the address, and the WEIR_KAFKA_… settings of TLS and SASL.",
                )
            return given
        if self._is_mock():
            return self._start_mock(supervisor)
        port = self._port("kafka", self._settings.kafka_port, 9092)
        kafka = LocalKafka(self.folder.path / "kafka", port)
        command = kafka.prepare(lambda detail: self._tell(Notice("kafka", What.STARTING, detail)))
        service = Service("kafka", command, kafka.answers, start_seconds=START_SECONDS, stop_seconds=STOP_SECONDS)
        supervisor.start(service)
        return KafkaSettings(kafka=kafka.bootstrap, kafka_security_protocol="PLAINTEXT", kafka_replication=1)

    def _is_mock(self) -> bool:
        """Whether the mock is wanted, or all that can be had here."""
        if self._settings.broker == "auto":
            try:
                preflight.java()
                jars.fetchable()
            except preflight.Missing as missing:
                self._tell(Notice("kafka", What.WARNING, f"{missing.reason} So {MOCK_MEANS}"))
                return True
        elif self._settings.broker == "mock":
            self._tell(Notice("kafka", What.WARNING, MOCK_MEANS))
        return self._settings.broker == "mock"

    def _start_mock(self, supervisor: Supervisor) -> KafkaSettings:
        address = self.folder.path / "mock-broker"
        address.unlink(missing_ok=True)
        supervisor.start(
            Service(
                "kafka",
                (*MOCK, str(address)),
                address.exists,
                restart=False,  # another one would be an empty one at another address
            )
        )
        return KafkaSettings(
            kafka=address.read_text(),
            kafka_security_protocol="PLAINTEXT",
            kafka_partitions=4,
            kafka_mock=uuid.uuid4(),
        )

    def _start_warehouse(self, supervisor: Supervisor) -> WarehouseSettings:
        given = WarehouseSettings()
        if "clickhouse" in given.model_fields_set:
            return given
        port = self._port("warehouse", self._settings.warehouse_port, 8123)
        address = f"http://{preflight.HOST}:{port}"
        own = EmbeddedSettings(
            path=self.folder.path / "warehouse",
            host=preflight.HOST,
            port=port,
            user="weir",
            password=SecretStr(self.folder.password("warehouse")),
            reader_password=SecretStr(self.folder.password("reader")),
        )
        supervisor.start(
            Service(
                "warehouse",
                (*WEIR, "run", "warehouse"),
                # Asked with the password: what answers is ours, and not another that was quicker to take the port.
                lambda: is_ready(f"{address}/?query=SELECT+1", (own.user, own.password.get_secret_value())),
                env=environment(own),
                stop_seconds=30,
            )
        )
        return WarehouseSettings(clickhouse=address, clickhouse_user=own.user, clickhouse_password=own.password)

    def _start_services(self, supervisor: Supervisor) -> None:
        """API, workers, roller and redirectors side by side; stopped the other way round, the redirector first."""
        api = self._port("api", self._settings.api_port, 8090)
        redirector = self._port("redirector", self._settings.redirector_port, 8080)
        self._facts = self._told(redirector)
        where = environment(self.kafka) | environment(self.warehouse) | self._facts | self._more
        services = [_service("api", where | {"WEIR_API_PORT": str(api)}, _ready(api))]
        for number in range(self._settings.workers):
            name = f"worker-{number + 1}" if number else "worker"
            port = self._port(name, None, 0)
            self._worker = f"http://{preflight.HOST}:{port}"
            service = _service(name, where | {"WEIR_WORKER_PORT": str(port)}, _ready(port), stop_seconds=35)
            # Kafka keeps a killed worker's partitions for it until its session has run out.
            services.append(dataclasses.replace(service, start_seconds=150))
        roller = self._port("roller", None, 0)
        services.append(_service("roller", where | {"WEIR_ROLLER_PORT": str(roller)}, _ready(roller), stop_seconds=35))
        services.append(
            _service(
                "redirector",
                where | self._processes(redirector),
                _ready(IngestSettings().redirector_admin_port or redirector),
                stop_seconds=30,
            )
        )
        supervisor.start(*services)
        self.addresses = Addresses(
            redirector=f"http://{preflight.HOST}:{redirector}",
            api=f"http://{preflight.HOST}:{api}",
            clickhouse=self.warehouse.clickhouse,
            kafka=self.kafka.kafka,
        )
        self.folder.publish(self.environment())

    def _processes(self, port: int) -> dict[str, str]:
        """The redirector's port, and how many answer on it."""
        processes = str(self._settings.redirector_processes)
        return {"WEIR_REDIRECTOR_PORT": str(port), "WEIR_REDIRECTOR_PROCESSES": processes}

    def _told(self, redirector: int) -> dict[str, str]:
        """What the services need to know of the folder and of each other, unless the environment says it already."""
        told = {"WEIR_GEO_DIR": str(self._geo), "WEIR_SIGNING_KEYS": str(self._signing_keys)}
        if "spool" not in IngestSettings().model_fields_set:
            told["WEIR_SPOOL"] = str(self.folder.path / "spool")
        if "link_address" not in ApiSettings().model_fields_set:
            told["WEIR_LINK_ADDRESS"] = f"http://{{domain}}:{redirector}/{{slug}}"
        return told

    @property
    def _signing_keys(self) -> Path:
        """The file of signing keys, with a first key in it."""
        path = SigningSettings().signing_keys or self.folder.path / "signing-keys.json"
        if not path.exists():
            make_key(path)
        return path.absolute()

    @property
    def _geo(self) -> Path:
        return geo_directory(self.folder.path).absolute()

    def _port(self, service: str, asked: int | None, friendly: int) -> int:
        return self.folder.port(service, asked, friendly, self._ports)


def _service(name: str, env: dict[str, str], ready: str, *, stop_seconds: float = 15.0) -> Service:
    """One of Weir's own services, ready when an address answers 200."""
    return Service(
        name, (*WEIR, "run", name.partition("-")[0]), lambda: is_ready(ready), env=env, stop_seconds=stop_seconds
    )


def _ready(port: int) -> str:
    return f"http://{preflight.HOST}:{port}/-/ready"


def is_ready(address: str, auth: tuple[str, str] | None = None) -> bool:
    """Whether an address answers 200 within a second."""
    try:
        return httpx.get(address, auth=auth, timeout=1.0, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
