"""Workers that die, stop, freeze, come and go."""

import contextlib
import signal
import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.faults.proxy import HeldBody
from tests.faults.service import Service
from tests.faults.stage import SESSION_SECONDS, Missed, Stage
from warehouse.failpoints import Failpoint

INSERT = b"insert_deduplication_token="
"""What only the request of an insert into `events` carries."""
CHURN_SECONDS = 10.0
EXIT_SECONDS = 30.0
DEATH_SECONDS = 60.0
SPRUNG_SECONDS = 20.0
WATCHDOG_SECONDS = 65.0
"""A minute is what is promised; the first look may come five seconds late."""

REACHED_OFTEN = {Failpoint.BEFORE_INSERT: 8, Failpoint.AFTER_INSERT: 8, Failpoint.AFTER_FENCE: 4}
"""Up to the how many-th time a failpoint is tried; others are reached seldom within a run."""


def killed_at_a_failpoint(stage: Stage) -> None:
    """The worker dies as by kill -9 at a named place, the n-th time that it gets there; it is started again.

    Between any two of its steps the ledger alone says what was counted: what is not stored is read again, what is
    stored is skipped, whatever Kafka was told.
    """
    place = Failpoint(stage.case)
    failpoint = f"{place}:{stage.random.randint(1, REACHED_OFTEN.get(place, 2))}"
    stage.worker.arm(failpoint)
    stage.worker.signal(signal.SIGTERM)
    died = -signal.SIGKILL
    stage.wait(lambda: died in stage.exits, DEATH_SECONDS, f"the worker did not die at {failpoint}")
    stage.note(f"died at {failpoint}")
    stage.wait_ready()


def killed(stage: Stage) -> None:
    """kill -9 at any moment, several times. As at a failpoint, but wherever it happens to be."""
    for _ in range(stage.random.randint(1, 2)):
        stage.sleep(0.2, 3.0)
        stage.note("kill -9")
        stage.worker.kill()
        stage.sleep(0.5, 2.0)
        stage.wait_ready()


def terminated(stage: Stage) -> None:
    """SIGTERM while half an insert's body is on its way; the rest comes soon, or never.

    An orderly stop finishes what is in flight and commits it, and gives up within 30 s where that never ends.
    """
    trap = _held_insert(stage)
    stage.note("SIGTERM")
    stage.worker.supervised = False
    stage.worker.signal(signal.SIGTERM)
    if stage.case == "goes on":
        stage.sleep(0.5, 6.0)
        trap.release()
    if not stage.worker.process.wait(EXIT_SECONDS):
        raise Missed(f"the worker had not ended {EXIT_SECONDS:.0f} s after SIGTERM")
    code = stage.worker.process.exit_code
    stage.note(f"exit code {code}")
    if stage.case == "goes on" and code != 0:
        raise Missed(f"an orderly stop ended with exit code {code}")
    trap.release()
    stage.worker.start()
    stage.wait_ready()


def frozen(stage: Stage) -> None:
    """SIGSTOP past the session timeout, anywhere or in the middle of an insert's body; then SIGCONT: a zombie.

    Its partitions have another owner by then, who has fenced them: what the zombie still sends is refused with an
    error, and what it believes is forgotten when Kafka tells it that it was thrown out.
    """
    trap = None
    if stage.case == "in a body":
        trap = _held_insert(stage)
    else:
        stage.sleep(0.0, 2.0)
    stage.note("SIGSTOP")
    stage.worker.signal(signal.SIGSTOP)
    stage.wait(lambda: members(stage) == 1, 5 * SESSION_SECONDS, "Kafka did not throw the frozen worker out")
    stage.sleep(0.0, 5.0)
    if trap is not None:
        trap.release()
        stage.sleep(0.0, 0.5)
    stage.note("SIGCONT")
    stage.worker.signal(signal.SIGCONT)
    stage.sleep(1.0, 4.0)


def wedged(stage: Stage) -> None:
    """The worker waits for ever: for an answer, with limits so long that none of them ends it, or its thread hangs.

    Its stored offset stands still while the log goes on, so its watchdog ends it, and it is started again.
    """
    if stage.case == "no answer":
        stage.clickhouse_proxy.silence()
    else:
        said = len(stage.worker.log.read_text())
        stage.worker.arm(f"{stage.case}:{stage.random.randint(1, 4)}:hang")
        stage.worker.kill()
        there = f"hanging at {stage.case}"
        stage.wait(lambda: there in stage.worker.log.read_text()[said:], DEATH_SECONDS, "the worker does not hang")
    stage.note("the worker hangs")
    waited = stage.wait(lambda: 1 in stage.exits, WATCHDOG_SECONDS, "the watchdog did not end the worker")
    stage.note(f"it ended after {waited:.0f} s")
    stage.clickhouse_proxy.heal()
    stage.wait_ready()


def join_and_leave(stage: Stage) -> None:
    """Every few seconds a worker joins, leaves, or is killed, for ten seconds.

    Each rebalance hands partitions over while inserts are in flight; the lag must be gone a while after the last.
    """
    until = time.monotonic() + CHURN_SECONDS
    while time.monotonic() < until:
        worker = stage.random.choice(stage.crew.services)
        _come_or_go(stage, worker)
        stage.sleep(0.5, 3.0)
    for worker in stage.crew.services:
        if not worker.supervised:
            worker.start()


def _come_or_go(stage: Stage, worker: Service) -> None:
    if not worker.supervised:
        stage.note(f"{worker.name} joins")
        worker.start()
    elif stage.random.random() < 0.5:
        stage.note(f"{worker.name} is killed")
        worker.kill()
    else:
        stage.note(f"{worker.name} leaves")
        if worker.stop(EXIT_SECONDS) is None:
            raise Missed(f"{worker.name} had not ended {EXIT_SECONDS:.0f} s after SIGTERM")


def members(stage: Stage) -> int:
    """How many members Kafka counts in the workers' group; -1 where it does not say."""
    admin = AdminClient(stage.kafka.librdkafka())  # held: one that is let go never answers
    asked = admin.describe_consumer_groups([stage.group])[stage.group]
    with contextlib.suppress(TimeoutError, KafkaException):
        return len(asked.result(10).members)
    return -1


def _held_insert(stage: Stage) -> HeldBody:
    trap = HeldBody(INSERT, after=stage.random.randint(1, 400))
    stage.clickhouse_proxy.set(trap)
    if not trap.sprung.wait(SPRUNG_SECONDS):
        raise Missed("no insert came by")
    stage.note("an insert's body is held")
    return trap
