"""Play a row with some seeds: for each of them load, fault, recovery, judgement."""

import contextlib
import dataclasses
import shutil
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from deploy.broker import LocalKafka
from tests.faults.oracle import look, misses
from tests.faults.row import Row
from tests.faults.stage import Missed, Stage, staged

BEFORE_SECONDS = (0.3, 1.2)
"""Load before the fault."""
AFTER_SECONDS = 1.0
"""Load after it."""
VISIBLE_SECONDS = 60.0

Limited = Callable[[], AbstractContextManager[object]]
"""Bounds the time of one run; raises `TimeoutError`."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one run."""

    row: str
    seed: int
    misses: tuple[str, ...] = ()
    injected: str = ""
    began: datetime | None = None
    """By which its lines are found in the logs of its stage."""
    seconds: float = 0.0
    clicks: int = 0
    """Promised by now, by this run and those before it on its stage."""
    fresh_seconds: float = 0.0
    megabytes: float = 0.0
    restarts: int = 0

    @property
    def passed(self) -> bool:
        """Whether the oracle has nothing to say."""
        return not self.misses


def play(
    row: Row,
    seeds: Sequence[int],
    broker: LocalKafka,
    place: Path,
    *,
    limited: Limited = contextlib.nullcontext,
    keep: bool = True,
) -> Iterator[Result]:
    """Run after run, on one stage as long as nothing misses; its logs stay in `place` if something did, or `keep`."""
    left = deque(seeds)
    while left:
        folder = place / f"row-{row.name}-seed-{left[0]}"
        folder.mkdir(parents=True)
        passed = True
        for result in _on_one_stage(row, left, broker, folder, limited):
            passed = passed and result.passed
            yield result
        if passed and not keep:
            shutil.rmtree(folder)


def _on_one_stage(row: Row, left: deque[int], broker: LocalKafka, folder: Path, limited: Limited) -> Iterator[Result]:
    """Runs until one misses; a stage that can't be set, or cleared, is a miss of the run that it hits."""
    result = Result(row.name, left[0])
    try:
        with staged(row, broker, folder) as stage:
            while left and result.passed:
                result = _run(stage, left.popleft(), limited)
                yield result
    except Exception as error:  # noqa: BLE001  # the one place that sets a stage
        if left and result.seed == left[0]:
            left.popleft()
        yield dataclasses.replace(result, misses=(_told(error, folder),))


def _run(stage: Stage, seed: int, limited: Limited) -> Result:
    """One run; whatever goes wrong in it is a miss of this run."""
    started, began = time.monotonic(), datetime.now(UTC)
    restarts = _restarts(stage)
    fresh_seconds = 0.0
    try:
        with limited():
            stage.begin(seed)
            found, fresh_seconds = _judged(stage)
    except Missed as missed:
        found = [str(missed)]
    except Exception as error:  # noqa: BLE001  # the one place that runs a row
        found = [_told(error, stage.folder)]
    return Result(
        stage.row.name,
        seed,
        tuple(found),
        " · ".join(stage.notes),
        began,
        time.monotonic() - started,
        len(stage.driver.acknowledged),
        fresh_seconds,
        stage.watcher.most_bytes / 1e6,
        _restarts(stage) - restarts,
    )


def _restarts(stage: Stage) -> int:
    return sum(len(service.exits) for crew in (stage.crew, stage.redirectors) for service in crew.services)


def _told(error: Exception, folder: Path) -> str:
    (folder / "error.txt").write_text(traceback.format_exc())
    return f"{type(error).__name__}: {error}"


def _judged(stage: Stage) -> tuple[list[str], float]:
    """Load, fault, load, quiet; then what the oracle has to say, and after how many seconds a fresh click was seen."""
    stage.sleep(*BEFORE_SECONDS)
    stage.row.inject(stage)
    time.sleep(AFTER_SECONDS)
    stage.driver.finish()
    stage.wait_counted()
    fresh_seconds = _freshness(stage)
    stage.driver.close()
    stage.wait_counted()
    stage.unwatch()
    return misses(look(stage, fresh_seconds)), fresh_seconds


def _freshness(stage: Stage) -> float:
    """Seconds until clicks that are sent now are visible."""
    keys = stage.driver.fresh()
    wanted = ", ".join(map(str, keys))
    return stage.wait(
        lambda: int(stage.execute(f"SELECT count() FROM events WHERE (src, seq) IN ({wanted})")) >= len(keys),
        VISIBLE_SECONDS,
        "a fresh click did not become visible",
    )
