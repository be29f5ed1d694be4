"""Where the time of the functions and of the insert goes, in seconds an event."""

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.contenders.functions import NONCE, Task
from streams.batch import Records
from streams.chain import Chain
from streams.dead_ratio import DeadRatio
from streams.decode import decode_records
from streams.enrich.chain import enrichers
from streams.enrich.utm import DEFAULT_TAXONOMY
from streams.inserter import Rows
from streams.judge.judge import Judge
from streams.judge.version import rules_version
from streams.rows import log_columns
from streams.windows.hold import HoldLimit
from streams.windows.rules import WindowRules
from warehouse.client import connect
from warehouse.columns import Coded
from warehouse.ledger import Ledger
from warehouse.native import block

REPEATS = 5

Spent = dict[str, float]
"""Step → seconds."""


class Timed:
    """An enricher or the judge, with a clock."""

    def __init__(self, step: Any, name: str, spent: Spent) -> None:  # noqa: ANN401  # an Enricher or a Judge
        self._step, self._name, self._spent = step, name, spent
        self.columns: tuple[str, ...] = step.columns

    def refresh(self) -> None:
        """As the enricher has it."""
        if hasattr(self._step, "refresh"):
            self._step.refresh()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # as the step has it
        """The step, timed."""
        began = time.process_time()
        made = self._step(*args, **kwargs)
        self._spent[self._name] += time.process_time() - began
        return made


def timed_chain(ledger: Ledger, task: Task) -> tuple[Chain, Spent]:
    """The worker's chain with a clock at each step, and what the clocks show."""
    spent: Spent = defaultdict(float)
    steps = enrichers(geo_dir=Path(task.geo_dir), cache_size=task.cache_size)
    rules = WindowRules(HoldLimit(0))
    judge: Any = Timed(Judge(rules_version(DEFAULT_TAXONOMY, rules), task.cache_size), "judge", spent)
    timed = [Timed(step, type(step).__name__, spent) for step in steps]
    return Chain(ledger, timed, judge, DeadRatio(1.0), rules), spent


async def insert_steps(task: Task, records: Records, rows: Rows) -> Spent:
    """What decoding and serialising cost, and each column's serialisation, on one batch."""
    return await asyncio.to_thread(_insert_steps, task, records, rows)


def _insert_steps(task: Task, records: Records, rows: Rows) -> Spent:
    columns = {**rows, "fence": Coded.constant(NONCE, len(records))}
    with connect(task.settings()) as client:
        types = {row[0]: row[1] for row in client.query("DESCRIBE TABLE events").result_rows}
    body = block(columns, types)
    spent = {
        "decode": _best(lambda: decode_records(records)),
        "log columns": _best(lambda: log_columns(task.topic_id, 0, records, 0)),
        "serialise": _best(lambda: block(columns, types)),
    }
    for name, column in columns.items():
        one = {name: column}
        spent[f"column {name}: {types[name]}"] = _best(lambda one=one: block(one, types))
    return {step: seconds / len(records) for step, seconds in spent.items()} | {"body bytes": len(body) / len(records)}


def _best(work: Any) -> float:  # noqa: ANN401  # any callable
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)
