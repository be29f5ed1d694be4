"""What the figures were measured on."""

import dataclasses
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

BUSY = 1.0
"""Load average above which figures are marked: somebody else is using the machine."""


@dataclasses.dataclass(frozen=True)
class Machine:
    """The machine, when the benchmark began."""

    at: str
    processor: str
    cores: int
    memory: int
    """Bytes."""
    load: float
    """Of the last minute."""
    python: str
    packages: dict[str, str]

    @property
    def busy(self) -> bool:
        """Whether something else ran when the benchmark began."""
        return self.load > BUSY


def machine() -> Machine:
    """This machine, now."""
    packages = ("faust-streaming", "aiokafka", "confluent-kafka", "clickhouse-connect", "chdb", "msgspec")
    return Machine(
        datetime.now(UTC).isoformat(timespec="minutes"),
        _processor(),
        len(psutil.Process().cpu_affinity() or []) or os.cpu_count() or 1,
        psutil.virtual_memory().total,
        os.getloadavg()[0],
        platform.python_version(),
        {name: version(name) for name in packages},
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
