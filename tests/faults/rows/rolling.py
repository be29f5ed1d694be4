"""Rolling that fails at any statement, while clicks come and somebody asks rollups and records the same question."""

import contextlib
import logging
import random
import signal
import threading
from collections.abc import Iterator
from functools import partial

from clickhouse_connect.driver.exceptions import ClickHouseError

from tests.faults.service import Service
from tests.faults.stage import Missed, Stage
from tests.integration.rollup_answers import rows_that_differ
from warehouse.client import WarehouseUnavailable, connect
from warehouse.failpoints import Failpoint
from warehouse.rollups.families import FAMILIES
from warehouse.rollups.read import read_books_sync

logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # it tells of each request that found nobody

PLACES = (Failpoint.BEFORE_SEAL, Failpoint.AFTER_SEAL, Failpoint.BEFORE_PUBLISH, Failpoint.AFTER_PUBLISH)
AWAY = (ClickHouseError, WarehouseUnavailable, OSError)
ZONE = "UTC"
HOUR = 3600
DAYS_AHEAD = 3 * 24 * HOUR
DEATH_SECONDS = 60.0
ROLLED_SECONDS = 60.0


def killed_at_a_failpoint(stage: Stage) -> None:
    """One of two rollers dies as by kill -9 at a named place, again and again, while clicks come.

    What a roll writes is read by nobody before the one insert that publishes it, and that can only follow the roll
    that it was made from: so an answer by books is the records' at every moment.
    """
    roller = stage.rollers.services[0]
    with watched(stage):
        for _ in range(3):
            deaths = roller.exits.count(-signal.SIGKILL)
            failpoint = f"{Failpoint(stage.case)}:{stage.random.randint(1, 12)}"
            roller.arm(failpoint)
            roller.signal(signal.SIGTERM)
            again = partial(_has_died, roller, deaths + 1)
            stage.wait(again, DEATH_SECONDS, f"the roller did not die at {failpoint}")
            stage.note(f"died at {failpoint}")


def _has_died(roller: Service, times: int) -> bool:
    return roller.exits.count(-signal.SIGKILL) >= times


def clickhouse_killed(stage: Stage) -> None:
    """kill -9 of ClickHouse while two rollers roll; it is started again.

    A roll whose rows are there in part is not published; one whose row was not taken is written under another token.
    """
    with watched(stage):
        for _ in range(2):
            stage.sleep(0.5, 3.0)
            stage.note("ClickHouse killed")
            stage.server.kill()
            stage.server.start()
            stage.sleep(0.5, 2.0)


@contextlib.contextmanager
def watched(stage: Stage) -> Iterator[None]:
    """Ask rollups and records the same, all the while. Raises `Missed` where they once differed.

    At the end everything has to be rolled, with nothing left beyond the clocks but what came last.
    """
    watcher = Watcher(stage)
    try:
        yield
        stage.wait(lambda: watcher.asked > 3, ROLLED_SECONDS, "rollups were not asked")
        stage.wait(watcher.is_rolled, ROLLED_SECONDS, "not everything was rolled")
    finally:
        watcher.stop()
    stage.note(f"{watcher.asked} answers compared, {watcher.seals} units sealed")
    if watcher.differed:
        raise Missed(f"an answer by rollups was wrong: {watcher.differed[:3]}")


class Watcher:
    """Turns the rollers' clock on, an hour each time, and asks; what can't be asked now is asked later."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._random = stage, random.Random(stage.case)
        self._hours = 0
        self.asked = 0
        self.seals = 0
        self.differed: list[tuple[object, ...]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="answers", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopping.wait(0.1):
            self._hours += 24
            self._stage.rollers_clock.write_text(str(DAYS_AHEAD + self._hours * HOUR))
            with contextlib.suppress(*AWAY):
                self._ask()

    def _ask(self) -> None:
        family = self._random.choice(list(FAMILIES.values()))
        with connect(self._stage.warehouse) as client:
            self.differed += [(family.name, *row) for row in rows_that_differ(client, family, ZONE)]
            self.seals = sum(len(book.seals(0, 1 << 32)) for book in read_books_sync(client).books.values())
            self.asked += 1

    def is_rolled(self) -> bool:
        """Whether units are sealed in every family."""
        with (
            contextlib.suppress(*AWAY),
            connect(self._stage.warehouse) as client,
        ):
            return all(book.seals(0, 1 << 32) for book in read_books_sync(client).books.values())
        return False

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()
        self._thread.join()
