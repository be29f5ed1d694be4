"""What must be there before anything is started, and what to do where it is not."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

import click

JAVA_RELEASE = 17
"""The oldest Java that Kafka 4 brokers run on."""

DISK_BYTES = 1 << 30
"""Free space below which nothing is started: Kafka and ClickHouse do not take a full disk well."""

HOST = "127.0.0.1"
"""The local stack listens here and nowhere else."""

WITHOUT_JAVA = "Or run with `--broker mock`, which needs neither Java nor Maven."


class Missing(click.ClickException):
    """Something that the user can bring or change: what it is, and how."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(f"{reason} {mend}")
        self.reason = reason


def java() -> str:
    """Path of a Java that can run Kafka; raises `Missing`."""
    path = shutil.which("java")
    if path is None:
        raise Missing(f"Java {JAVA_RELEASE} or newer is not installed (no `java` on the PATH).", _get_java())
    # `java -version` writes to stderr; the path is the one just looked up.
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    release = java_release(said)
    if release is None:
        raise Missing(f"`{path} -version` does not answer like a Java: {said.strip()[:200]!r}.", _get_java())
    if release < JAVA_RELEASE:
        raise Missing(f"Kafka needs Java {JAVA_RELEASE} or newer, and {path} is Java {release}.", _get_java())
    return path


def java_release(said: str) -> int | None:
    """The feature release in the answer to `java -version`: 17 of `"17.0.15"`, 8 of `"1.8.0_392"`; None: no answer."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None


def _get_java() -> str:
    return (
        "Get it with `sudo apt install openjdk-17-jre-headless` (Debian, Ubuntu), `sudo dnf install"
        f" java-17-openjdk-headless` (Fedora) or `brew install openjdk@17` (macOS). {WITHOUT_JAVA}"
    )


def maven() -> str:
    """Path of Maven, which fetches Kafka's jars; raises `Missing`."""
    path = shutil.which("mvn")
    if path is None:
        raise Missing(
            "Maven is not installed (no `mvn` on the PATH); it fetches Apache Kafka once.",
            f"Get it with `sudo apt install maven`, `sudo dnf install maven` or `brew install maven`. {WITHOUT_JAVA}",
        )
    return path


def disk(folder: Path, needed: int = DISK_BYTES) -> None:
    """Refuse a nearly full disk; raises `Missing`."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Missing(
            f"The disk of {folder} is nearly full: {free / 1e6:,.0f} MB free, {needed / 1e6:,.0f} MB are needed.",
            "Free some space, or put the data elsewhere with `--data DIR` (WEIR_DATA).",
        )


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
