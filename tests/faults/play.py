"""Play one row with one seed: load, fault, recovery, judgement."""

import contextlib
import dataclasses
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from deploy.broker import LocalKafka
from tests.faults.oracle import look, misses
from tests.faults.row import Row
from tests.faults.stage import Missed, Stage, staged
from warehouse.client import connect

BEFORE_SECONDS = (0.5, 2.0)
"""Load before the fault."""
AFTER_SECONDS = 2.0
"""Load after it."""
VISIBLE_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one run."""

    row: str
    seed: int
    injected: str
    misses: tuple[str, ...]
    seconds: float
    clicks: int = 0
    fresh_seconds: float = 0.0
    megabytes: float = 0.0
    restarts: int = 0

    @property
    def passed(self) -> bool:
        """Whether the oracle has nothing to say."""
        return not self.misses


def play(
    row: Row,
    seed: int,
    broker: LocalKafka,
    folder: Path,
    *,
    limited: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> Result:
    """One run; whatever goes wrong in it is a miss of this run. `limited` bounds the time from the first click on."""
    started = time.monotonic()
    result = Result(row.name, seed, "", (), 0.0)
    try:
        with staged(row, seed, broker, folder) as stage, limited():
            result = _judged(stage, Result(row.name, seed, "", (), 0.0))
    except Exception as error:  # noqa: BLE001  # the one place that runs a row
        (folder / "error.txt").write_text(traceback.format_exc())
        result = dataclasses.replace(result, misses=(f"{type(error).__name__}: {error}",))
    return dataclasses.replace(result, seconds=time.monotonic() - started)


def _judged(stage: Stage, result: Result) -> Result:
    found: list[str] = []
    try:
        found, fresh = _run(stage)
        result = dataclasses.replace(result, fresh_seconds=fresh)
    except Missed as missed:
        found = [str(missed)]
    return dataclasses.replace(
        result,
        injected=" · ".join(stage.notes),
        misses=tuple(found),
        clicks=len(stage.driver.acknowledged),
        megabytes=stage.watcher.most_bytes / 1e6,
        restarts=sum(len(worker.exits) for worker in stage.crew.workers),
    )


def _run(stage: Stage) -> tuple[list[str], float]:
    stage.driver.start()
    stage.sleep(*BEFORE_SECONDS)
    stage.row.inject(stage)
    time.sleep(AFTER_SECONDS)
    stage.driver.finish()
    stage.wait_counted()
    fresh_seconds = _freshness(stage)
    stage.watcher.stop()
    return misses(look(stage, stage.wait_counted(), fresh_seconds)), fresh_seconds


def _freshness(stage: Stage) -> float:
    """Seconds until clicks that are sent now are visible."""
    keys = list(stage.driver.fresh())
    with contextlib.closing(connect(stage.warehouse)) as client:
        query = "SELECT count() FROM events WHERE (src, seq) IN {keys:Array(Tuple(UInt64, UInt64))}"
        return stage.wait(
            lambda: client.query(query, parameters={"keys": keys}).result_rows[0][0] >= len(keys),
            VISIBLE_SECONDS,
            "a fresh click did not become visible",
        )
