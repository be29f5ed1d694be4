"""Apache Kafka on this machine: one node, KRaft combined mode, data in a folder."""

import base64
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import click
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy import preflight
from deploy.guardian import Guardian
from deploy.kafka.jars import LOG4J2, classpath
from deploy.process import Process

START_SECONDS = 90.0
STOP_SECONDS = 30.0

Option = str | int | float | bool
"""Value of a librdkafka option."""

HEAP = "-Xmx512m"

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
num.partitions=4
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=2
group.initial.rebalance.delay.ms=0
# A worker that died is found out sooner than in the 6 s that Kafka allows by default.
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
# A broker that was killed may register again when its old session has ended; 9 s of waiting by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
initial.broker.registration.timeout.ms=60000
"""


class LocalKafka:
    """Apache Kafka on 127.0.0.1 with its data in `data`; a second start there finds the topics again.

    `start` and `stop` run it; a supervisor takes `prepare`, `command` and `answers` instead.
    """

    def __init__(self, data: Path, port: int | None = None) -> None:
        self.data = data
        self.port = port or preflight.free_port()
        self._guardian: Guardian | None = None
        self.process: Process | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{preflight.HOST}:{self.port}"

    @property
    def _properties(self) -> Path:
        return self.data / "server.properties"

    def start(self, report: Callable[[str], None] = lambda _: None) -> None:
        """Run it, and return when it answers. Raises `Missing` or `click.ClickException` with the end of its log."""
        command = self.prepare(report)
        self._guardian = Guardian()
        self.process = Process(command, guardian=self._guardian, log=self.data / "kafka.log")
        limit = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.exit_code is not None or time.monotonic() > limit:
                reason = self.process.tail()
                self.stop()
                raise click.ClickException(f"Kafka did not start; the end of {self.process.log}:\n{reason}")

    def stop(self) -> None:
        """Stop it: asked first, killed after half a minute."""
        if self.process is not None and self._guardian is not None:
            self.process.stop(STOP_SECONDS)
            self._guardian.close()
            self._guardian = None

    def prepare(self, report: Callable[[str], None]) -> tuple[str, ...]:
        """Check what is needed, write the configuration, format the folder the first time; the command that runs it.

        Raises `Missing` where Java, Maven, the port or disk space is not to be had.
        """
        java = preflight.java()
        jars = classpath(report)
        self.data.mkdir(parents=True, exist_ok=True)
        preflight.disk(self.data)
        if not preflight.port_is_free(self.port):
            raise preflight.Missing(
                f"Port {self.port} for Kafka is taken.", "Choose another: `--kafka-port N` (0: any free one)."
            )
        self._properties.write_text(
            PROPERTIES.format(
                host=preflight.HOST, port=self.port, controller_port=preflight.free_port(), logs=self.data / "topics"
            )
        )
        base = (java, HEAP, "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={LOG4J2}", "-cp", jars)
        if not (self.data / "topics" / "meta.properties").exists():
            report("Apache Kafka: formatting its folder")
            self._format(base)
        return (*base, "kafka.Kafka", str(self._properties))

    def _format(self, java: tuple[str, ...]) -> None:
        cluster = base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        command = [*java, "kafka.tools.StorageTool", "format", "-c", str(self._properties), f"--cluster-id={cluster}"]
        # No shell; the words are constants and paths of ours.
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise click.ClickException(f"Kafka could not format {self.data}:\n{(done.stdout + done.stderr)[-2000:]}")

    def answers(self) -> bool:
        """Whether a client gets metadata with a leader from it."""
        return answers({"bootstrap.servers": self.bootstrap})


def answers(conf: Mapping[str, Option], seconds: float = 1.0) -> bool:
    """Whether the Kafka that `conf` names answers a client within `seconds`."""
    quiet: dict[str, Option] = {"log_level": 0, "reconnect.backoff.max.ms": 200}
    try:
        metadata = AdminClient({**conf, **quiet}).list_topics(timeout=seconds)
    except KafkaException:
        return False
    return bool(metadata.brokers)
