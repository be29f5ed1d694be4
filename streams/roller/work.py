"""What the roller does over and over: look after the tables now and then, and roll what is due."""

import time
from collections.abc import Callable

import structlog
from clickhouse_connect.driver.client import Client

from streams.roller import metrics
from warehouse.rollups.clean import Cleaner
from warehouse.rollups.roll import Rolled, Roller

LOOK_SECONDS = 3600
"""How often all rows are compared with the books, and dead ones deleted."""
RESTART_SECONDS = 5
"""Another time of start than before, by more than that, is another start of ClickHouse."""

log = structlog.get_logger()


class Work:
    """One roller; used by one thread at a time."""

    def __init__(self, client: Client, zone: str, megabytes: int) -> None:
        self._client = client
        self._roller, self._cleaner = Roller(client, zone, megabytes=megabytes), Cleaner(client)
        self._looked = 0.0
        """When the tables were looked at last, monotonic."""
        self._started = 0
        """When ClickHouse was started, Unix seconds."""
        self._told: dict[str, str] = {}
        """Family → its trouble, as it was told last."""

    def turn(self, stopping: Callable[[], bool]) -> bool:
        """Look, if it is time, and roll each family once; gives whether more is due.

        Raises clickhouse-connect's errors. It ends early, between two families, where `stopping` says so.
        """
        self._look()
        done = self._roller.turn(time.time(), stopping=stopping)
        for rolled in done:
            self._tell(rolled)
        return any(rolled.left for rolled in done)

    def _look(self) -> None:
        """At the start, every hour, and when ClickHouse was started again: it may have lost what it had taken."""
        started = int(self._client.query("SELECT toUnixTimestamp(now()) - uptime()").result_rows[0][0])
        if abs(started - self._started) <= RESTART_SECONDS and time.monotonic() < self._looked + LOOK_SECONDS:
            return
        for family, units in self._cleaner.look(time.time()).items():
            metrics.REOPENED.labels(family).inc(len(units))
            log.warning("Rollups had lost rows: they are made again", family=family, units=len(units))
        self._started, self._looked = started, time.monotonic()

    def _tell(self, rolled: Rolled) -> None:
        metrics.SEALED.labels(rolled.family).inc(rolled.sealed)
        metrics.MERGED.labels(rolled.family).inc(rolled.merged)
        metrics.EVENTS.labels(rolled.family).inc(rolled.events)
        metrics.ROLL_SECONDS.observe(rolled.seconds)
        if rolled.trouble:
            metrics.TROUBLES.labels(rolled.family).inc()
            if self._told.get(rolled.family) != rolled.trouble:
                log.warning("A roll was not published", family=rolled.family, reason=rolled.trouble)
            self._told[rolled.family] = rolled.trouble
        else:
            metrics.BEHIND.labels(rolled.family).set(rolled.behind)
            metrics.WAITING.labels(rolled.family).set(rolled.left)
        if rolled.left:
            log.info("Filling from history", family=rolled.family, sealed=rolled.sealed, waiting=rolled.left)
