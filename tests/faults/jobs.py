"""Runs side by side: processes that share nothing, each with a Kafka of its own and one stage at a time."""

import contextlib
import multiprocessing
import queue
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.queues import Queue
from pathlib import Path

import structlog

from tests.faults.broker import ProxiedKafka
from tests.faults.play import Result, play
from tests.faults.row import Row
from tests.faults.rows import chosen

STAGE_RUNS = 10
"""Runs that share a stage at the most: a mix of fresh ones and of such that have been through something."""
RUN_SECONDS = 300
"""More than a run takes whose every wait goes to its limit."""
LOOK_SECONDS = 2.0

Share = tuple[str, Sequence[int]]
"""A row by its name, and the seeds that may share a stage."""


def shares(rows: Iterable[Row], seeds: Sequence[int]) -> list[Share]:
    """All runs, in shares that may be played in any order."""
    return [(row.name, seeds[start : start + STAGE_RUNS]) for row in rows for start in range(0, len(seeds), STAGE_RUNS)]


def side_by_side(work: Sequence[Share], place: Path, *, jobs: int, keep: bool) -> Iterator[Result]:
    """Play the shares in so many processes; gives results as they come. Raises `RuntimeError` where a process dies."""
    context = multiprocessing.get_context("spawn")
    todo: Queue[Share | None] = context.Queue()
    told: Queue[Result | None] = context.Queue()
    for share in [*work, *[None] * jobs]:
        todo.put(share)
    processes = [
        context.Process(target=_job, args=(todo, told, place, place / f"kafka-{number}", keep), name=f"job-{number}")
        for number in range(min(jobs, len(work)))
    ]
    for process in processes:
        process.start()
    try:
        ended = 0
        while ended < len(processes):
            with contextlib.suppress(queue.Empty):
                if (result := told.get(timeout=LOOK_SECONDS)) is None:
                    ended += 1
                else:
                    yield result
                continue
            if any(process.exitcode for process in processes):
                raise RuntimeError("a job died; its last words are above")
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _job(todo: "Queue[Share | None]", told: "Queue[Result | None]", place: Path, data: Path, keep: bool) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whatever it does, it clears its stage
    place.mkdir(parents=True, exist_ok=True)
    log = data.with_suffix(".log").open("w")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))  # what the redirector's producer says
    broker = ProxiedKafka(data)
    try:
        broker.start()
        while (share := todo.get()) is not None:
            name, seeds = share
            (row,) = [row for row in chosen((name,)) if row.name == name]
            for result in play(row, seeds, broker, place, limited=limited, keep=keep):
                told.put(result)
        told.put(None)
    finally:
        broker.stop()
        log.close()


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raise `TimeoutError` where a run takes longer than any may, whatever it waits for."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"the run was not over after {RUN_SECONDS} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(RUN_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
