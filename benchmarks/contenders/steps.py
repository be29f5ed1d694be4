"""Where the time of the functions and of the insert goes, in seconds an event."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.contenders.functions import NONCE, Task
from streams.batch import Records
from streams.chain import DECODE, JUDGE, Chain, PartitionChain
from streams.dead_ratio import DeadRatio
from streams.decode import decode_records
from streams.enrich.chain import enrichers
from streams.enrich.utm import DEFAULT_TAXONOMY
from streams.inserter import Rows
from streams.judge.judge import Judge
from streams.judge.version import rules_version
from streams.maker import Stored
from streams.rows import log_columns
from streams.windows.hold import Stretch
from streams.windows.rules import WindowRules
from warehouse.client import connect
from warehouse.columns import Coded, Columns
from warehouse.ledger import Ledger, Partition
from warehouse.native import block

REPEATS = 5

LOOK, JUDGE_ALONE = "look", "judge alone"
"""What has a clock and is no step: it is told apart from others by their difference."""

Spent = dict[str, float]
"""Step → seconds."""


class ClockedJudge(Judge):
    """The judge, with a clock."""

    def __init__(self, version: str, cache_size: int, spent: Spent) -> None:
        super().__init__(version, cache_size)
        self._spent = spent

    def __call__(self, columns: Columns, **more: Any) -> Columns:  # noqa: ANN401  # as the judge has it
        """The judge's columns."""
        began = time.thread_time()
        made = super().__call__(columns, **more)
        self._spent[JUDGE_ALONE] += time.thread_time() - began
        return made


class ClockedChain(PartitionChain):
    """The chain of one partition, with a clock at each step."""

    def __init__(self, chain: Chain, partition: Partition, spent: Spent) -> None:
        super().__init__(chain, partition)
        self._spent = spent

    async def look(self, records: Records, stretch: Stretch, stored: Stored) -> None:
        """As the chain does."""
        began = time.thread_time()
        await super().look(records, stretch, stored)
        self._spent[LOOK] += time.thread_time() - began

    def steps(self, records: Records, batch_time: int) -> Iterator[tuple[str, Columns]]:
        """As the chain does."""
        began = time.thread_time()
        for name, made in super().steps(records, batch_time):
            self._spent[name] += time.thread_time() - began
            yield name, made
            began = time.thread_time()


def clocked_chain(ledger: Ledger, geo_dir: Path, cache_size: int, windows: WindowRules, spent: Spent) -> Chain:
    """The worker's chain, for `ClockedChain`; `spent` has to take any step."""
    judge = ClockedJudge(rules_version(DEFAULT_TAXONOMY, windows), cache_size, spent)
    return Chain(ledger, enrichers(geo_dir=geo_dir, cache_size=cache_size), judge, DeadRatio(1.0), windows)


def by_step(spent: Mapping[str, float], decode: float) -> Spent:
    """The steps in their order, of what the clocks show and of what decoding takes, which is measured apart."""
    steps = dict(spent)
    judge, look, taken = steps.pop(JUDGE_ALONE), steps.pop(LOOK), steps.pop(DECODE)
    windows = look - decode + steps.pop(JUDGE) - judge
    return {"decode": decode, "windows": windows, **steps, "judge": judge, "rows": taken}


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
