"""Bytewax: its Kafka source, the source's own batches put together up to an insert's size, the functions, the insert.

Batches travel as one item each: that is the fastest form that was found, several times faster than an item a record.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main

from benchmarks.contenders.functions import Functions, Taken, Task, read_task

Records = list[Taken]


class Gather(StatefulBatchLogic):
    """Records until there are enough for an insert, or the oldest has waited long enough."""

    def __init__(self, task: Task, functions: Functions) -> None:
        self._task, self._functions = task, functions
        self._records: Records = []
        self._due: datetime | None = None

    def on_batch(self, values: list[Records]) -> tuple[Iterable[Records], bool]:
        """Take batches of the source in."""
        self._functions.begin()
        for records in values:
            self._records += records
        if len(self._records) >= self._task.rows:
            return self._give(), False
        if self._due is None:
            self._due = datetime.now(UTC) + timedelta(seconds=self._task.linger)
        return (), False

    def on_notify(self) -> tuple[Iterable[Records], bool]:
        """The oldest has waited."""
        return self._give(), False

    def notify_at(self) -> datetime | None:
        """When that will be."""
        return self._due

    def snapshot(self) -> None:
        """Without recovery there is no state to keep."""

    def _give(self) -> list[Records]:
        records, self._records, self._due = self._records, [], None
        return [records]


class EventsPartition(StatelessSinkPartition):
    """The insert."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def write_batch(self, items: list[tuple[str, Records]]) -> None:
        """Store gathered records."""
        for _, records in items:
            self._functions.store(records)


class EventsSink(DynamicSink):
    """One writer."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def build(self, *_: Any) -> EventsPartition:  # noqa: ANN401  # Bytewax's signature
        """The writer of this process."""
        return EventsPartition(self._functions)


def main() -> None:
    """Count until ended."""
    task = read_task()
    functions = Functions(task)
    flow = Dataflow("weir")
    messages = op.input("log", flow, KafkaSource([task.kafka], [task.topic], batch_size=task.rows))
    batches = op.flat_map_batch("records", messages, lambda batch: [[_taken(message) for message in batch]])
    keyed = op.key_on("one insert for all partitions", batches, lambda _: "all")
    gathered = op.stateful_batch("gather", keyed, lambda _: Gather(task, functions))
    op.output("events", gathered, EventsSink(functions))
    cli_main(flow)


def _taken(message: Any) -> Taken:  # noqa: ANN401  # Bytewax's
    return Taken(message.offset, message.timestamp[1], message.value, message.partition)


if __name__ == "__main__":
    main()
