"""An upgrade while clicks come in: the schema first, then one worker after the other."""

import shutil
from pathlib import Path

from tests.faults.rows.processes import EXIT_SECONDS
from tests.faults.service import Service
from tests.faults.stage import Missed, Stage
from warehouse.migrate import MIGRATIONS, load, migrate

NEXT_RELEASE = """
ALTER TABLE {{database}}.events ADD COLUMN IF NOT EXISTS {name} UInt32 DEFAULT 7 COMMENT 'What the next release adds';
CREATE TABLE IF NOT EXISTS {{database}}.{name} (at DateTime) ENGINE = MergeTree ORDER BY at COMMENT 'Its new table';
"""
"""A migration as later releases bring them: a column with a default, and a table."""


def rolled(stage: Stage) -> None:
    """The schema is migrated while the workers of before write, then each is stopped, or killed, and comes back with
    other settings; for a while the two kinds write side by side.

    A migration only adds, so those of before go on; an insert names its columns; partitions are handed over as in any
    rebalance.
    """
    migrate(stage.warehouse, folder=_next_release(stage))
    stage.note("migrated")
    stage.sleep(0.2, 1.0)
    settings = {
        "WEIR_BATCH_ROWS": str(stage.random.choice((50, 500, 20_000))),
        "WEIR_BATCH_LINGER": str(stage.random.choice((0.1, 0.3, 0.6))),
        "WEIR_CACHE_SIZE": str(stage.random.choice((100, 100_000))),
    }
    for worker in stage.random.sample(stage.crew.services, len(stage.crew.services)):
        _replace(stage, worker, settings)
        stage.sleep(0.5, 1.5)


def _next_release(stage: Stage) -> Path:
    """The migrations that this database has had, and one more."""
    folder = stage.folder / "migrations"
    if not folder.exists():
        shutil.copytree(MIGRATIONS, folder)
    number = load(folder)[-1].version + 1
    (folder / f"{number:04}_next_release.sql").write_text(NEXT_RELEASE.format(name=f"added_{number}"))
    return folder


def _replace(stage: Stage, worker: Service, settings: dict[str, str]) -> None:
    worker.change(settings)
    if stage.case == "some are killed" and stage.random.random() < 0.5:
        stage.note(f"{worker.name} is killed")
        worker.kill()
    else:
        stage.note(f"{worker.name} is replaced")
        if worker.stop(EXIT_SECONDS) is None:
            raise Missed(f"{worker.name} had not ended {EXIT_SECONDS:.0f} s after SIGTERM")
        worker.start()
    stage.sleep(0.0, 0.5)
    stage.wait_ready()
