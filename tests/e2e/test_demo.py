"""The demo as a newcomer runs it: everything that was sent is counted, and what it says to try works."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.stack import WEIR
from deploy.traffic.manifest import read_manifest

WIDTH = 80
CLICKS = 400
SECONDS = 240.0


class Demo:
    """One `weir demo` on a data folder of its own."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data, self._output = data, data.with_suffix(".out")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [*WEIR, "demo", "--no-geo", "--data", str(data), "--clicks", str(CLICKS), *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment, "COLUMNS": str(WIDTH)},
            )

    @property
    def printed(self) -> str:
        return self._output.read_text()

    def wait_for(self, text: str) -> None:
        limit = time.monotonic() + SECONDS
        while text not in self.printed:
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < limit, self.printed
            time.sleep(0.2)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts demos; none of them is left at the end."""
    started: list[Demo] = []

    def begin(*options: str) -> Demo:
        started.append(Demo(tmp_path / "data", *options))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(60)


def check_what_it_shows(demo: Demo) -> None:
    """Every click is counted, the tables are there, and all of it fits a terminal."""
    printed = demo.printed
    assert f"{CLICKS} sent at" in printed
    assert "each of them one row" in printed
    sent = list(read_manifest(demo.data / "sent.ndjson"))
    assert sum(record.row for record in sent) == CLICKS
    meant = re.search(r"outcome (\d+)", printed[printed.index("As the sender meant it") :])
    assert meant is not None
    assert int(meant[1]) >= 95  # a scanner's burst may be drawn out where the machine is busy
    for title in ("Sent against counted", "Channel ", "Country, city ", "Device ", "Position ", "█"):
        assert title in printed
    assert re.search(r"Email +\d+ +\d+%", printed)
    assert re.search(r"✔ The ledger adds up: [\d,]+ rows of 4 partitions", printed)
    shown = printed[printed.index("Sent against") :]
    assert not [
        line for line in shown.splitlines() if len(line) > WIDTH and "curl" not in line and "weir up" not in line
    ]


def commands(demo: Demo) -> dict[str, str]:
    """Part → the command that the demo says to try."""
    found = re.findall(r"^(Redirector|API|ClickHouse)  http\S+\n  (curl .*)$", demo.printed, re.MULTILINE)
    assert len(found) == 3
    return dict(found)


def tried(command: str) -> str:
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.kafka
@pytest.mark.timeout(400)
def test_everything_sent_is_counted_and_what_to_try_works(demo: Callable[..., Demo], kafka_server: object) -> None:
    up = demo("--broker", "kafka")
    up.wait_for("The stack stays up")
    check_what_it_shows(up)
    to_try = commands(up)
    assert "location: https://books.example/spring" in tried(to_try["Redirector"]).lower()
    assert json.loads(tried(to_try["API"]))["results"][0]["dimensions"] == ["Email"]
    assert "Email" in tried(to_try["ClickHouse"])
    family = psutil.Process(up.process.pid).children(recursive=True)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(120) == 0
    assert not psutil.wait_procs(family, timeout=10)[1]


@pytest.mark.timeout(400)
def test_without_java_it_runs_on_the_mock_and_says_so(demo: Callable[..., Demo]) -> None:
    once = demo("--broker", "mock", "--once")
    assert once.process.wait(SECONDS) == 0, once.printed
    assert "mock cluster is the broker" in once.printed
    check_what_it_shows(once)
