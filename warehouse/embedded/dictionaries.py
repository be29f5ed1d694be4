"""Dictionaries kept fresh: a ClickHouse server reloads them by their LIFETIME, chDB loads them once.

A dictionary whose source tables changed since it was loaded is reloaded, within a second or so.
"""

import threading
import time
from collections.abc import Callable

import structlog

from warehouse.embedded.errors import QueryError

log = structlog.get_logger()

PERIOD_SECONDS = 1.0
RELOADING_SHARE = 0.2
"""A large dictionary is reloaded at most so much of the time."""

_FINGERPRINTS = """
SELECT dictionary, sum(parts) FROM
(
    SELECT concat('`', database, '`.`', name, '`') AS dictionary,
           arrayJoin(arrayZip(loading_dependencies_database, loading_dependencies_table)) AS source
    FROM system.tables
    WHERE engine = 'Dictionary'
      AND (database, name) IN (
          SELECT database, name FROM system.dictionaries WHERE status = 'LOADED' AND lifetime_max > 0)
) AS dictionaries
INNER JOIN
(
    SELECT (database, table) AS source, sum(cityHash64(name, modification_time)) AS parts
    FROM system.parts
    WHERE active
    GROUP BY source
) AS sources USING source
GROUP BY dictionary
"""

Run = Callable[[str], str]
"""Statement → its answer as tab-separated lines; raises `QueryError`."""


class Refresher(threading.Thread):
    """Reloads what changed, until it is stopped."""

    def __init__(self, run: Run) -> None:
        super().__init__(name="dictionaries", daemon=True)
        self._run = run
        self._loaded: dict[str, str] = {}
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look once a second."""
        pause = PERIOD_SECONDS
        while not self._stopped.wait(pause):
            started = time.monotonic()
            self._look()
            pause = max(PERIOD_SECONDS, (time.monotonic() - started) / RELOADING_SHARE)

    def stop(self) -> None:
        """Return when no reload is under way any more."""
        self._stopped.set()
        self.join()

    def _look(self) -> None:
        try:
            for line in self._run(_FINGERPRINTS).splitlines():
                dictionary, fingerprint = line.split("\t")
                if self._loaded.get(dictionary) != fingerprint:
                    self._run(f"SYSTEM RELOAD DICTIONARY {dictionary}")
                    self._loaded[dictionary] = fingerprint
        except QueryError as error:
            # Dropped meanwhile, or its source is: whoever asks for it gets the error as well.
            log.warning("a dictionary was not reloaded", error=error.message)
