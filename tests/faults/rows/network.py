"""The network between a worker and the rest."""

from tests.faults.stage import SESSION_SECONDS, Stage


def cut(stage: Stage) -> None:
    """The first worker loses Kafka and ClickHouse for longer than its session; a second one can reach both.

    Connections break, or nothing comes any more. The second worker takes its partitions; when the network is back, the
    first one is refused whatever it still has in hand, and joins again.
    """
    for proxy in stage.proxies.values():
        if stage.case == "cut":
            proxy.cut()
        else:
            proxy.silence()
    stage.note(f"network {stage.case}")
    stage.sleep(SESSION_SECONDS + 1, SESSION_SECONDS + 6)
    for proxy in stage.proxies.values():
        proxy.heal()
    stage.note("network is back")
    stage.sleep(0.0, 2.0)
