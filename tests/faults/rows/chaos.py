"""All faults at random, one after the other, on what the ones before have left."""

from collections.abc import Callable

from tests.faults.rows import network, processes, redirector, warehouse
from tests.faults.stage import Stage

FAULTS: tuple[tuple[Callable[[Stage], None], str], ...] = (
    (processes.killed, ""),
    (processes.join_and_leave, ""),
    (processes.frozen, "anywhere"),
    (warehouse.down, "stopped"),
    (warehouse.down, "killed"),
    (warehouse.killed, ""),
    (warehouse.reply_lost, "it breaks"),
    (network.cut, "cut"),
    (redirector.killed, "one"),
    (redirector.killed, "all"),
    (redirector.killed, "while it sends again"),
    (redirector.kafka_away, "stopped"),
    (redirector.kafka_away, "killed"),
    (redirector.kafka_away, "a redirector dies meanwhile"),
    (redirector.kafka_away, "a redirector is stopped meanwhile"),
    (redirector.kafka_silent, "frozen"),
    (redirector.kafka_silent, "silent"),
    (redirector.acknowledgement_lost, "it breaks"),
    (redirector.acknowledgement_lost, "it dies"),
)
"""Those that can follow each other on one stage: what is injected, and which of its cases."""


def anything(stage: Stage) -> None:
    """Some of the other faults, in any order, while clicks come in over HTTP.

    No state that one of them leaves behind makes the next one do harm; memory and open files stay bounded.
    """
    for fault, case in stage.random.sample(FAULTS, 3):
        stage.case = case
        stage.note(f"{fault.__name__} {case}".strip().replace("_", " "))
        fault(stage)
        stage.wait_ready()
        stage.clients.wait_ready()
        stage.sleep(0.5, 2.0)
