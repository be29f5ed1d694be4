"""Kafka's classpath: `pom.xml` resolved by Maven, once for each content of that file."""

import fcntl
import hashlib
import os
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from deploy import preflight

POM = Path(__file__).with_name("pom.xml")
LOG4J2 = Path(__file__).with_name("log4j2.xml")
DOWNLOADED = re.compile(r"Downloaded from \S+: \S*/(\S+) \(([\d.]+) (B|kB|MB)")
UNITS = {"B": 1, "kB": 1_000, "MB": 1_000_000}

Report = Callable[[str], None]
"""Takes a line about what is happening, for a progress display."""


def classpath(report: Report, cache: Path | None = None) -> str:
    """The jars of Apache Kafka, joined for `java -cp`; fetched by Maven where they are not there yet.

    What was resolved is remembered under the hash of `pom.xml` in `cache` (default: the user's), so that a second
    start asks neither Maven nor the network. Raises `Missing`.
    """
    remembered = _remembered(cache)
    if not _still_there(remembered):
        remembered.parent.mkdir(parents=True, exist_ok=True)
        with remembered.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # Maven's own folder is not made for two Mavens at a time
            if not _still_there(remembered):
                _resolve(remembered, report)
    return remembered.read_text().strip()


def fetchable(cache: Path | None = None) -> None:
    """Raise `Missing` where the jars are neither there nor to be had."""
    if not _still_there(_remembered(cache)):
        preflight.maven()


def _remembered(cache: Path | None) -> Path:
    content = hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    return (cache or Path.home() / ".cache" / "weir") / f"kafka-{content}.classpath"


def _still_there(remembered: Path) -> bool:
    return remembered.exists() and all(Path(jar).exists() for jar in remembered.read_text().strip().split(":"))


def _resolve(target: Path, report: Report) -> None:
    """Let Maven fetch the jars and write their paths to `target`, whole or not at all."""
    report("Apache Kafka: asking Maven for the jars")
    fresh = target.with_suffix(f".{os.getpid()}")
    command = [preflight.maven(), "--batch-mode", "--file", str(POM), "dependency:build-classpath"]
    command += ["-Dmdep.includeScope=runtime", f"-Dmdep.outputFile={fresh}"]
    # No shell, and every word but Maven's own path is a constant or a path of ours.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as maven:  # noqa: S603
        said = _follow(maven.stdout or (), report)
    if maven.returncode:
        raise click.ClickException(_failure(said))
    fresh.replace(target)


def _follow(lines: Iterable[str], report: Report) -> list[str]:
    """Report what was downloaded so far while Maven speaks; give back its last lines."""
    files, size = 0, 0.0
    last: deque[str] = deque(maxlen=40)
    for line in lines:
        last.append(line.rstrip())
        if found := DOWNLOADED.search(line):
            files, size = files + 1, size + float(found[2]) * UNITS[found[3]]
            report(f"Apache Kafka: {files} files, {size / 1e6:.0f} MB of about 64 · {found[1]}")
    return list(last)


def _failure(said: list[str]) -> str:
    errors = [line.removeprefix("[ERROR] ") for line in said if line.startswith("[ERROR] ") and "[Help" not in line]
    reason = "\n  ".join(errors[:3]) or "\n  ".join(said[-5:])
    return (
        f"Maven could not fetch Apache Kafka:\n  {reason}\nIt needs the network once (about 64 MB from Maven Central;"
        f" a proxy or mirror goes into ~/.m2/settings.xml). Try again, or: {preflight.WITHOUT_JAVA}"
    )
