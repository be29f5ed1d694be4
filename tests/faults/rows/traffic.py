"""Traffic that is a fault by itself."""

from tests.faults.stage import Stage


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
