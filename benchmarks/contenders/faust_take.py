"""Faust as it comes: its own aiokafka transport, one agent, `take`, the functions, the insert."""

import asyncio
from pathlib import Path
from typing import cast

import faust
from faust.streams import Stream
from faust.types import Message, StreamT

from benchmarks.contenders.functions import Functions, Taken, read_task


def main() -> None:
    """Count until ended."""
    task = read_task()
    functions = Functions(task)
    app = faust.App(
        task.group,
        broker=f"aiokafka://{task.kafka}",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=str(Path(task.mark).with_suffix(".faust")),  # Faust makes it, tables or not
    )
    topic = app.topic(task.topic, value_type=bytes, value_serializer="raw", key_serializer="raw")

    @app.on_partitions_assigned.connect
    async def begin(*_: object, **__: object) -> None:
        functions.begin()

    @app.agent(topic)
    async def clicks(stream: StreamT[bytes]) -> None:
        # `take_events` is `take` with the offsets, which are columns of the rows.
        async for events in cast(Stream[bytes], stream).take_events(task.rows, within=task.linger):
            records = [_taken(event.message) for event in events]
            await asyncio.to_thread(functions.store, records)

    faust.Worker(app, loglevel="ERROR").execute_from_commandline()


def _taken(message: Message) -> Taken:
    return Taken(message.offset, int(message.timestamp * 1000), message.value, message.partition)


if __name__ == "__main__":
    main()
