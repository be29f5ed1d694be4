"""The supervisor and the guardian, on small real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.process import LOG_BYTES, turn_over
from deploy.supervisor import Failed, Notice, Restarts, Service, Supervisor, What, describe_exit

STEADY = "import time\nwhile True: time.sleep(0.05)"
STUBBORN = (
    "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n"
    f"print('deaf', flush=True)\n{STEADY}"
)
FAMILY = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {STEADY!r}])\n{STEADY}"
ORPHANAGE = """
import sys, time
from pathlib import Path
from tests.unit.deploy.test_supervisor import FAMILY, service
from deploy.supervisor import Supervisor
supervisor = Supervisor(Path(sys.argv[1]))
supervisor.start(service("one", FAMILY), service("two", FAMILY))
print("up", flush=True)
time.sleep(60)
"""

Make = Callable[..., Supervisor]


def service(name: str, code: str, *, ready: Callable[[], bool] = lambda: True, **options: float | bool) -> Service:
    return Service(name, (sys.executable, "-c", code), ready, **options)  # type: ignore[arg-type]  # a few of many fields


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come to that"
        time.sleep(0.02)


class Told(list[Notice]):
    """What the supervisor told, in order."""

    def of(self, what: What) -> list[str]:
        return [notice.service for notice in self if notice.what is what]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def make(tmp_path: Path, told: Told) -> Iterator[Make]:
    """A supervisor whose pauses are short; stopped in the end, whatever the test did."""
    made: list[Supervisor] = []

    def build(**restarts: float) -> Supervisor:
        policy = {"first_seconds": 0.05, **restarts}
        made.append(Supervisor(tmp_path, told.append, lambda: Restarts(**policy)))  # type: ignore[arg-type]  # limit: int
        return made[-1]

    yield build
    for supervisor in made:
        supervisor.stop()


def test_the_pause_grows_and_a_steady_life_clears_the_record() -> None:
    restarts = Restarts(first_seconds=1, longest_seconds=4, steady_seconds=30, limit=4)
    assert [restarts.after(1, 1) for _ in range(3)] == [1, 2, 4]
    assert restarts.after(30, 1) == 1
    assert [restarts.after(1, 1) for _ in range(4)] == [2, 4, 4, None]


def test_what_waits_for_something_is_never_given_up() -> None:
    restarts = Restarts(first_seconds=1, longest_seconds=4, limit=2)
    assert {restarts.after(1, os.EX_TEMPFAIL) for _ in range(5000)} == {1, 2, 4}
    assert [restarts.after(1, code) for code in (1, -9, 1)] == [4, 4, None]


def test_what_waits_for_something_is_told_once_a_minute() -> None:
    restarts = Restarts()
    assert [restarts.is_news(os.EX_TEMPFAIL, now) for now in (5, 15, 64, 65, 70)] == [True, False, False, True, False]
    assert restarts.is_news(1, 71)
    assert restarts.is_news(os.EX_TEMPFAIL, 72)


def test_services_stop_in_reverse_order(make: Make, told: Told) -> None:
    supervisor = make()
    supervisor.start(service("broker", STEADY))
    supervisor.start(service("worker", STEADY), service("redirector", STEADY))
    pids = supervisor.pids()
    supervisor.stop()
    assert told.of(What.READY) == ["broker", "worker", "redirector"]
    assert told.of(What.STOPPED) == ["redirector", "worker", "broker"]
    assert not [pid for pid in pids.values() if psutil.pid_exists(pid)]


def test_a_start_waits_until_the_service_is_ready(make: Make, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    code = f"import time, pathlib; time.sleep(0.3); pathlib.Path({str(flag)!r}).touch()\n{STEADY}"
    make().start(service("api", code, ready=flag.exists))
    assert flag.exists()


def test_a_failing_start_shows_the_reason_and_the_end_of_the_log(make: Make) -> None:
    broken = service("api", "import sys; print('WEIR_API_PORT: not a number'); sys.exit(3)", ready=lambda: False)
    with pytest.raises(
        Failed, match=r"api did not start: it ended with exit code 3\.\n.*\nWEIR_API_PORT: not a number"
    ):
        make().start(broken)


def test_a_start_that_takes_too_long_fails(make: Make) -> None:
    with pytest.raises(Failed, match=r"api did not start: not ready after 0\.2 s"):
        make().start(service("api", STEADY, ready=lambda: False, start_seconds=0.2))


def test_a_killed_service_comes_back(make: Make, told: Told) -> None:
    supervisor = make()
    supervisor.start(service("worker", STEADY))
    first = supervisor.pids()["worker"]
    os.kill(first, signal.SIGKILL)
    until(lambda: told.of(What.READY) == ["worker", "worker"])
    assert supervisor.pids()["worker"] != first
    died = next(notice for notice in told if notice.what is What.DIED)
    assert died.detail == "killed by SIGKILL; starting it again in 0.05 s"


def test_a_service_that_never_lasts_is_given_up(make: Make, told: Told) -> None:
    supervisor = make(limit=2, steady_seconds=60)
    supervisor.start(service("worker", "import time; time.sleep(0.3); print('no memory'); raise SystemExit(7)"))
    assert supervisor.failed.wait(20)
    assert len(told.of(What.RESTARTING)) == 2
    assert supervisor.failure is not None
    assert "worker failed 3 times in a row: it ended with exit code 7" in supervisor.failure.message
    assert "no memory" in supervisor.failure.message


def test_a_service_that_its_settings_do_not_let_run_is_given_up_at_once(make: Make, told: Told) -> None:
    supervisor = make(limit=5)
    supervisor.start(service("worker", "import time; time.sleep(0.3); print('WEIR_X'); raise SystemExit(78)"))
    assert supervisor.failed.wait(20)
    assert told.of(What.RESTARTING) == []
    assert supervisor.failure is not None
    assert "worker failed: it can't work with its settings" in supervisor.failure.message
    assert "WEIR_X" in supervisor.failure.message


def test_a_service_that_waits_for_something_is_started_until_that_is_there(
    make: Make, told: Told, tmp_path: Path
) -> None:
    there, lives = tmp_path / "there", tmp_path / "lives"
    there.touch()
    code = (
        f"import pathlib; open({str(lives)!r}, 'a').write('x')\n"
        f"print('no warehouse')\nif not pathlib.Path({str(there)!r}).exists(): raise SystemExit(75)\n{STEADY}"
    )
    supervisor = make(limit=2, longest_seconds=0.1)
    supervisor.start(service("worker", code, ready=lambda: there.exists() and lives.exists()))
    there.unlink()
    os.kill(supervisor.pids()["worker"], signal.SIGTERM)
    until(lambda: len(lives.read_text()) > 6)
    there.touch()
    until(lambda: told.of(What.READY) == ["worker", "worker"])
    assert supervisor.failure is None
    details = [notice.detail for notice in told if notice.what is What.DIED]
    assert len(details) == 2
    assert details[1].startswith("what it needs is away; no warehouse; trying again in 0.1 s")


def test_the_end_of_a_service_that_must_not_restart_is_the_end(make: Make, told: Told) -> None:
    supervisor = make()
    supervisor.start(service("broker", STEADY, restart=False))
    os.kill(supervisor.pids()["broker"], signal.SIGKILL)
    assert supervisor.failed.wait(10)
    assert told.of(What.RESTARTING) == []


def test_a_service_that_does_not_end_is_killed_after_its_time(make: Make, told: Told, tmp_path: Path) -> None:
    supervisor, log = make(), tmp_path / "worker.log"
    supervisor.start(service("worker", STUBBORN, ready=log.exists, stop_seconds=1.0))
    until(lambda: log.read_text() == "deaf\n")
    supervisor.stop()
    assert told.of(What.KILLED) == ["worker"]
    assert log.read_text() == "deaf\nno\n"


def test_children_of_a_dead_service_die_before_it_is_started_again(make: Make, told: Told) -> None:
    supervisor = make()
    supervisor.start(service("redirector", FAMILY))
    leader = psutil.Process(supervisor.pids()["redirector"])
    until(lambda: bool(leader.children()))
    child = leader.children()[0]
    leader.kill()
    until(lambda: told.of(What.RESTARTING) == ["redirector"])
    until(lambda: not child.is_running())


@pytest.mark.parametrize("guardian_first", [False, True])
def test_nothing_outlives_a_supervisor_killed_with_9(tmp_path: Path, guardian_first: bool) -> None:
    """Also when somebody killed the guardian before: another has taken its place."""
    stack = subprocess.Popen([sys.executable, "-c", ORPHANAGE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert stack.stdout is not None
    assert stack.stdout.readline() == "up\n"
    parent = psutil.Process(stack.pid)
    until(lambda: len(parent.children(recursive=True)) == 5)
    if guardian_first:
        guardian = next(child for child in parent.children() if "watch" in child.cmdline())
        guardian.kill()
        until(
            lambda: any("watch" in c.cmdline() for c in parent.children() if c.pid != guardian.pid and c.is_running())
        )
    family = parent.children(recursive=True)
    stack.kill()
    stack.wait()
    stack.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


def test_a_service_started_from_any_thread_lives_on(make: Make) -> None:
    supervisor = make()
    starter = threading.Thread(target=supervisor.start, args=(service("api", STEADY),))
    starter.start()
    starter.join()
    time.sleep(0.2)
    assert psutil.pid_exists(supervisor.pids()["api"])
    assert supervisor.failure is None


def test_a_long_log_is_turned_over(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("ab") as writer:
        writer.write(b"a" * (LOG_BYTES - 1))
        writer.flush()
        turn_over(log)
        assert log.stat().st_size == LOG_BYTES - 1
        writer.write(b"b")
        writer.flush()
        turn_over(log)
        writer.write(b"after")
    assert log.read_bytes() == b"after"
    assert (tmp_path / "worker.log.1").stat().st_size == LOG_BYTES


@pytest.mark.parametrize(("code", "words"), [(1, "it ended with exit code 1"), (-9, "killed by SIGKILL")])
def test_an_exit_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
