"""The pulse: an engine that answers nothing any more ends its process, which is then started again.

It counts looks, not seconds: a process that was suspended is not condemned for having slept.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from warehouse.embedded.errors import QueryError

log = structlog.get_logger()

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 20.0
LOOKS = 3
"""Looks in a row without an answer that end the process."""

BUSY = frozenset({159, 202, 241, 439})
"""ClickHouse's codes of an engine that has too much to do: time, queries, memory, threads."""


class Pulse(threading.Thread):
    """Asks for a sign of life now and then; calls `gone` with the reason when there is none."""

    def __init__(
        self,
        ask: Callable[[], object],
        gone: Callable[[str], None],
        *,
        every: float = LOOK_SECONDS,
        patience: float = ANSWER_SECONDS,
    ) -> None:
        super().__init__(name="pulse", daemon=True)
        self._ask, self._gone, self._every, self._patience = ask, gone, every, patience
        self._asking = ThreadPoolExecutor(LOOKS, thread_name_prefix="pulse")
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look until it is stopped, or the engine is gone."""
        silent = 0
        while silent < LOOKS and not self._stopped.wait(self._every):
            reason = self._look()
            silent = silent + 1 if reason else 0
        if silent == LOOKS:
            self._gone(reason)

    def _look(self) -> str:
        """Why there is no sign of life; empty: there is one."""
        try:
            self._asking.submit(self._ask).result(self._patience)
        except TimeoutError:
            return f"no answer within {self._patience:g} s"
        except QueryError as error:
            return "" if error.code in BUSY else error.message
        return ""

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._asking.shutdown(wait=False)
