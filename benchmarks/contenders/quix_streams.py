"""Quix Streams: a sink that takes every record and, at each checkpoint, makes and inserts the rows of all of them."""

from quixstreams import Application
from quixstreams.sinks.base import BaseSink

from benchmarks.contenders.functions import Functions, Taken, read_task


class EventsSink(BaseSink):
    """Collects records between two checkpoints."""

    def __init__(self, functions: Functions) -> None:
        super().__init__()
        self._functions = functions
        self._records: list[Taken] = []

    def setup(self) -> None:
        """Nothing to connect to: the functions are."""

    def add(self, *, value: bytes, timestamp: int, partition: int, offset: int, **_: object) -> None:
        """Take one record; Quix names every argument."""
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
