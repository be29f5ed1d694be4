"""A redirector and its Kafka."""

from ingest.kafka import CLICKS_RAW
from tests.faults.outbox import OutboxDriver
from tests.faults.proxy import LostAcknowledgement
from tests.faults.rows.processes import SPRUNG_SECONDS
from tests.faults.stage import Missed, Stage


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
            _die(stage)
        stage.kafka_proxy.cut()
        stage.kafka_proxy.heal()
        stage.sleep(0.0, 1.0)


def _die(stage: Stage) -> None:
    if not isinstance(stage.driver, OutboxDriver):
        raise TypeError("the row needs a redirector")
    left = stage.driver.die()
    stage.note(f"the redirector dies, {left} clicks are sent again")
