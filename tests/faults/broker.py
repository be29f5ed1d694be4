"""A local Kafka with a second door: what comes in by it passes a proxy, in both directions.

Kafka tells its clients where to go on (its advertised listener), so a proxy before its only listener would be passed by
after the first answer. The second listener advertises the proxy's port instead.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from deploy import preflight
from deploy.broker import LocalKafka
from tests.faults.proxy import Proxy

SECOND_LISTENER = """\
listeners=PLAINTEXT://{host}:{port},PROXIED://{host}:{proxied},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port},PROXIED://{host}:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
"""


class ProxiedKafka(LocalKafka):
    """Apache Kafka on `port`, and once more through `proxy`."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self._behind = preflight.free_port()
        self.proxy = Proxy(self._behind)

    @property
    def proxied(self) -> str:
        """`host:port` for clients whose connections are to suffer."""
        return f"{preflight.HOST}:{self.proxy.port}"

    def prepare(self, report: Callable[[str], None]) -> tuple[str, ...]:
        """As any local Kafka; of a property that is given twice, the second counts."""
        command = super().prepare(report)
        properties = self.data / "server.properties"
        text = properties.read_text()
        voters = next(line for line in text.splitlines() if line.startswith("controller.quorum.voters="))
        more = SECOND_LISTENER.format(
            host=preflight.HOST,
            port=self.port,
            proxied=self._behind,
            proxy=self.proxy.port,
            controller=voters.rpartition(":")[2],
        )
        properties.write_text(text + more)
        return command

    def halt(self, *, kill: bool = False) -> None:
        """Stop the broker, or kill -9; its proxy stays, for `start`."""
        if kill:
            self.signal(signal.SIGKILL)
        super().stop()

    def signal(self, number: signal.Signals) -> None:
        """Send the broker a signal."""
        if self.process is not None:
            os.kill(self.process.pid, number)

    def restart(self) -> None:
        """Start it again, whether it still runs or not."""
        super().stop()
        self.start()

    def stop(self) -> None:
        """Stop the broker and its proxy."""
        super().stop()
        self.proxy.close()
