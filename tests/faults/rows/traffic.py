"""Traffic that is a fault by itself."""

import dataclasses
import os
import time
from collections.abc import Mapping

from ingest.kafka import CLICKS_RAW, watermarks
from tests.faults.row import PLAIN
from tests.faults.stage import Missed, Stage

STOPPED_SECONDS = 40.0
LAG_SECONDS = 5.0
"""So many seconds' clicks may wait while nothing is wrong: the hold, an insert's linger, and a busy machine."""
CAUGHT_UP_SECONDS = 20.0
LOOKS = 10
FAIR_SHARE = 0.4
"""Of clicks whose keys differ, the most that one of four partitions may get."""
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
    """Most clicks are alike: nine of ten on one link, or out of one message, or half of them from one network.

    Links and messages spread over the partitions by their networks; one network's clicks are one partition's work.
    After a kill -9 the lag is gone soon, also of the busiest partition, and stays so while the clicks go on.
    """
    before = watermarks(stage.kafka, CLICKS_RAW)
    stage.sleep(2.0, 4.0)
    stage.note("kill -9")
    stage.worker.kill()
    stage.sleep(1.0, 2.0)
    stage.wait_ready()
    allowed = stage.row.traffic.rate * LAG_SECONDS
    waited = stage.wait(lambda: _lag(stage) <= allowed, CAUGHT_UP_SECONDS, "the lag does not go")
    worst = 0
    for _ in range(LOOKS):
        time.sleep(0.2)
        worst = max(worst, _lag(stage))
    stage.note(f"caught up after {waited:.1f} s, then at most {worst / stage.row.traffic.rate:.1f} s behind")
    if worst > allowed:
        raise Missed(f"{worst} clicks behind while nothing was wrong, more than {LAG_SECONDS:.0f} s of them")
    _spread(stage, before)


def _lag(stage: Stage) -> int:
    return sum(stage.commits.behind(stage.topic_id(), stage.commits.log()).values())


def _spread(stage: Stage, before: Mapping[int, tuple[int, int]]) -> None:
    """Raise `Missed` where one partition got more than its keys explain."""
    sent = [end - before[number][1] for number, (_, end) in watermarks(stage.kafka, CLICKS_RAW).items()]
    busiest, alike = max(sent) / sum(sent), stage.row.traffic.network
    stage.note(f"the busiest partition had {busiest:.0%}")
    if busiest > alike + (1 - alike) * FAIR_SHARE:
        raise Missed(f"one partition of {len(sent)} had {busiest:.0%} of the clicks")


def only_poison(stage: Stage) -> None:
    """Nothing but poison for a while, as after a release of the redirector that the worker does not understand.

    The worker stops with a clear message instead of burying everything; when somebody has looked and raised the limit,
    it goes on where it stopped, and every record has its row and its letter.
    """
    said = len(stage.worker.log.read_text())
    stage.stream.traffic = dataclasses.replace(PLAIN, rate=500, poison=1.0)
    stage.note("nothing but poison")
    stage.wait(lambda: os.EX_CONFIG in stage.exits, STOPPED_SECONDS, "the worker goes on burying")
    if RATIO_MESSAGE not in stage.worker.log.read_text()[said:]:
        raise Missed("the worker stopped without saying why")
    stage.note("the worker stopped")
    stage.stream.traffic = PLAIN
    stage.worker.change({"WEIR_DEAD_RATIO": "1"})
    stage.worker.kill()
    stage.sleep(0.5, 1.0)
    stage.wait_ready()
    stage.driver.pause()
    stage.wait_counted()
    stage.worker.change({"WEIR_DEAD_RATIO": "0.5"})
    stage.worker.kill()
    stage.driver.resume()
