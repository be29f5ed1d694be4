"""Quix Streams: a sink that takes every record and, at each checkpoint, makes and inserts the rows of all of them."""

from typing import Any

from quixstreams import Application
from quixstreams.sinks.base import BaseSink

from benchmarks.contenders.functions import Functions, Taken, read_task


class EventsSink(BaseSink):  # type: ignore[misc]  # it is not there where the types are checked
    """Collects records between two checkpoints."""

    def __init__(self, functions: Functions) -> None:
        super().__init__()
        self._functions = functions
        self._records: list[Taken] = []

    def setup(self) -> None:
        """Nothing to connect to: the functions are."""

    def add(
        self, value: bytes, key: Any, timestamp: int, headers: Any, topic: str, partition: int, offset: int
    ) -> None:  # noqa: ANN401, ARG002, E501  # Quix's signature
        """Take one record."""
        self._functions.begin()
        self._records.append(Taken(offset, timestamp, value, partition))

    def flush(self) -> None:
        """A checkpoint: everything taken so far is stored."""
        records, self._records = self._records, []
        if records:
            self._functions.store(records)

    def on_paused(self) -> None:
        """The records come again after a failed flush."""
        self._records = []


def main() -> None:
    """Count until ended."""
    task = read_task()
    app = Application(
        broker_address=task.kafka,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_every=task.rows,
        commit_interval=task.linger,
        loglevel="ERROR",
    )
    topic = app.topic(task.topic, value_deserializer="bytes", key_deserializer="bytes")
    app.dataframe(topic).sink(EventsSink(Functions(task)))
    app.run()


if __name__ == "__main__":
    main()
