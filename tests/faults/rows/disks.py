"""Disks that are full."""

from tests.faults.stage import Stage


def clickhouse_full(stage: Stage) -> None:
    """ClickHouse's disk is full for a while: inserts fail, or only the smallest pass.

    That is an error that passes; nothing is committed that is not stored, and the log waits.
    """
    stage.disk.fill(left=stage.random.choice((0, 100_000)))
    stage.note("ClickHouse's disk is full")
    stage.sleep(4.0, 10.0)
    stage.disk.empty()
    stage.note("there is room again")


def kafka_full(stage: Stage) -> None:
    """Kafka's disk is full: it refuses records, or stops; somebody makes room and starts it again.

    Producers keep what was not acknowledged and send it again, once; the worker finds the log as it left it.
    """
    stage.disk.fill(left=stage.random.choice((0, 100_000)))
    stage.note("Kafka's disk is full")
    stage.sleep(4.0, 10.0)
    stage.disk.empty()
    stage.broker.stop()
    stage.broker.start()
    stage.note("there is room again, Kafka was started again")
