"""Redirectors and what they answered, with real processes: under load they are killed, and Kafka goes away."""

import os
import signal
import time

from ingest.kafka import CLICKS_RAW
from tests.faults.broker import ProxiedKafka
from tests.faults.clients import Answers, waiting
from tests.faults.proxy import LostAcknowledgement
from tests.faults.rows.processes import EXIT_SECONDS, SPRUNG_SECONDS
from tests.faults.service import Service
from tests.faults.stage import Missed, Stage

SLOWER = 5.0
"""So many times its p99 may a redirector have while Kafka is away, or `SLOW_SECONDS`: the machine is busy with other
things, and a benchmark measures better."""
SLOW_SECONDS = 0.25
SNAPSHOT_SECONDS = 30.0
"""Until a redirector that starts without Kafka serves, on a machine that is busy with other things."""


def killed(stage: Stage) -> None:
    """kill -9 of redirectors under load, again and again: of one; of all at once; of one that only just sends again
    what the one before it left.

    What was answered stands in the spool; whoever comes next to the slot sends it, flagged, and says which number was
    the last of the dead.
    """
    for _ in range(stage.random.randint(2, 4)):
        stage.sleep(0.3, 2.0)
        if stage.case == "while it sends again":
            _kill_twice(stage)
        else:
            count = 1 if stage.case == "one" else len(stage.redirectors.services)
            for redirector in stage.random.sample(stage.redirectors.services, count):
                _kill(stage, redirector)
        stage.sleep(0.0, 1.0)
        stage.clients.wait_ready()


def child_killed(stage: Stage) -> None:
    """kill -9 of processes that share a port, under load: of children, again and again, or of their parent.

    The others go on meanwhile; the parent starts another, which sends what the dead one left.
    """
    [redirector] = stage.redirectors.services
    for _ in range(stage.random.randint(2, 4)):
        stage.sleep(0.5, 2.0)
        if stage.case == "the parent":
            _kill(stage, redirector)
        else:
            os.kill(stage.random.choice(redirector.children), signal.SIGKILL)
            stage.note("a child is killed")
        stage.sleep(0.5, 1.5)
        stage.clients.wait_ready()


def _kill(stage: Stage, redirector: Service) -> None:
    stage.note(f"{redirector.name} is killed")
    redirector.kill()


def _kill_twice(stage: Stage) -> None:
    """A redirector dies while Kafka is silent, so with much in its spool; its successors die while they send that."""
    redirector = stage.random.choice(stage.redirectors.services)
    stage.kafka_proxy.silence()
    stage.sleep(0.5, 2.0)
    _kill(stage, redirector)
    stage.kafka_proxy.cut()
    stage.kafka_proxy.heal()
    for _ in range(stage.random.randint(1, 2)):
        deaths = len(redirector.exits)
        stage.wait(lambda: len(redirector.exits) > deaths or redirector.ready, 30, "no successor came")  # noqa: B023
        stage.sleep(0.0, 0.2)
        _kill(stage, redirector)


def kafka_away(stage: Stage) -> None:
    """Kafka is away for a while: stopped, killed, or so long that a redirector dies, or is stopped, and comes back.

    No redirect fails or waits for it, and one that starts has its links from the snapshot. The spool grows; when
    Kafka is back it is sent, and the log has all of it.
    """
    broker = _broker(stage)
    before = baseline(stage)
    broker.halt(kill=stage.case == "killed")
    stage.note("Kafka is away")
    _bear(stage, before)
    redirector = stage.random.choice(stage.redirectors.services)
    if stage.case == "a redirector dies meanwhile":
        _kill(stage, redirector)
    if stage.case == "a redirector is stopped meanwhile":
        _replace(stage, redirector)
    if stage.case.endswith("meanwhile"):
        served, what = lambda: bool(stage.clients.ask(redirector)), "the successor does not serve from its snapshot"
        took = stage.wait(served, SNAPSHOT_SECONDS, what)
        stage.note(f"without Kafka its successor serves after {took:.1f} s")
        stage.sleep(0.0, 3.0)
    broker.start()
    _drain(stage)


def _replace(stage: Stage, redirector: Service) -> None:
    """Stop a redirector in order, and start it again: what Kafka did not take stays in the spool."""
    code = redirector.stop(EXIT_SECONDS)
    stage.note(f"{redirector.name} is stopped, and ends with {code}")
    if code != 0:
        raise Missed(f"an orderly stop without Kafka ended with exit code {code}")
    redirector.start()


def kafka_silent(stage: Stage) -> None:
    """Kafka takes connections and answers nothing: it is frozen, or the network swallows everything.

    That is as if it were away.
    """
    broker = _broker(stage)
    before = baseline(stage)
    if stage.case == "frozen":
        broker.signal(signal.SIGSTOP)
    else:
        stage.kafka_proxy.silence()
    stage.note(f"Kafka is {stage.case}")
    _bear(stage, before)
    if stage.case == "frozen":
        broker.signal(signal.SIGCONT)
    else:
        stage.kafka_proxy.cut()
        stage.kafka_proxy.heal()
    _drain(stage)


def _broker(stage: Stage) -> ProxiedKafka:
    if not isinstance(stage.broker, ProxiedKafka):
        raise TypeError("the row needs a Kafka of its own")
    return stage.broker


def baseline(stage: Stage) -> Answers:
    """What redirectors answer before anything is done to them."""
    began = time.monotonic()
    stage.sleep(2.0, 3.0)
    return stage.clients.since(began)


def _bear(stage: Stage, before: Answers) -> None:
    """Some seconds without Kafka, in which every redirect is answered and promised, about as fast as before."""
    began = time.monotonic()
    stage.sleep(6.0, 12.0)
    meanwhile = stage.clients.since(began)
    held = sum(waiting(redirector) for redirector in stage.redirectors.services)
    stage.note(f"{meanwhile} (before {before.p99 * 1000:.0f} ms); {held:.0f} events wait")
    if set(meanwhile.kinds) != {"promised"}:
        raise Missed(f"redirects were affected: {meanwhile}")
    if meanwhile.p99 > max(SLOWER * before.p99, SLOW_SECONDS):
        raise Missed(f"redirects became slow: p99 {meanwhile.p99:.3f} s, {before.p99:.3f} s before")
    if not held:
        raise Missed("nothing waits for Kafka: it was not away")


def _drain(stage: Stage) -> None:
    began = time.monotonic()
    stage.clients.wait_ready()
    stage.clients.pause()
    stage.note(f"everything was sent {time.monotonic() - began:.1f} s after Kafka was back")
    stage.clients.resume()
    stage.wait_ready()


def acknowledgement_lost(stage: Stage) -> None:
    """Kafka appends a redirector's records and its answer is lost: the connection breaks, or nothing comes and then it
    breaks, or the redirector dies before anything comes, and its successor sends all that is in doubt again, flagged.

    The idempotent producer's own retry is recognised by Kafka; a flagged copy is looked up by its id.
    """
    for _ in range(1 if stage.case == "it dies" else stage.random.randint(1, 3)):
        topic = stage.kafka.topic(CLICKS_RAW.name).encode()
        trap = stage.kafka_proxy.set(LostAcknowledgement(topic, hang=stage.case != "it breaks"))
        if not trap.sprung.wait(SPRUNG_SECONDS):
            raise Missed("nothing was produced")
        stage.note("an acknowledgement is lost")
        stage.sleep(0.0, 1.0)
        if stage.case == "it dies":
            for redirector in stage.redirectors.services:
                _kill(stage, redirector)
        stage.kafka_proxy.cut()
        stage.kafka_proxy.heal()
        stage.sleep(0.0, 1.0)
    stage.clients.wait_ready()
