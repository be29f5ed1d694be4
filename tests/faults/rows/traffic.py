"""Traffic that is a fault by itself."""

import dataclasses

from tests.faults.row import PLAIN
from tests.faults.stage import Missed, Stage

STOPPED_SECONDS = 40.0
RATIO_MESSAGE = "records can't be decoded"


def poison(stage: Stage) -> None:
    """A fifth of the records can't be decoded: null, empty, no JSON, JSON that is no click, nearly a megabyte of noise.

    Each becomes a row with the outcome `dead` and a letter with its payload; the offset moves on. A kill -9 in between
    writes a letter twice at the most, and the table keeps one.
    """
    stage.sleep(1.0, 3.0)
    stage.note("kill -9")
    stage.worker.kill()
    stage.sleep(1.0, 2.0)
    stage.wait_ready()


def crowd(stage: Stage) -> None:
    """One network sends nine of ten clicks, so that one partition has nearly all the work, and a worker is killed.

    Partitions do not wait for each other, and the lag of the busy one is gone soon.
    """
    stage.sleep(3.0, 5.0)
    stage.note("kill -9")
    stage.worker.kill()
    stage.sleep(1.0, 2.0)
    stage.wait_ready()


def only_poison(stage: Stage) -> None:
    """Nothing but poison for a while, as after a release of the redirector that the worker does not understand.

    The worker stops with a clear message instead of burying everything; when somebody has looked and raised the limit,
    it goes on where it stopped, and every record has its row and its letter.
    """
    stage.driver.traffic = dataclasses.replace(PLAIN, rate=500, poison=1.0)
    stage.note("nothing but poison")
    stage.wait(lambda: 1 in stage.worker.exits, STOPPED_SECONDS, "the worker goes on burying")
    if RATIO_MESSAGE not in stage.worker.log.read_text():
        raise Missed("the worker stopped without saying why")
    stage.note("the worker stopped")
    stage.driver.traffic = PLAIN
    stage.worker.change({"WEIR_DEAD_RATIO": "1"})
    stage.worker.kill()
    stage.sleep(0.5, 1.0)
    stage.wait_ready()
    stage.driver.pause()
    stage.wait_counted()
    stage.worker.change({"WEIR_DEAD_RATIO": "0.5"})
    stage.worker.kill()
    stage.driver.resume()
