"""The functions and the insert alone: Weir's chain and ledger over records that are in memory already.

What the worker costs above this is its own: the transport, the batching, the commits. It also says where the time of
the functions goes, by step.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from benchmarks.contenders.bare_consumer import taken
from benchmarks.contenders.functions import Taken, Task, mark_start, read_task, tune
from benchmarks.contenders.steps import ClockedChain, by_step, clocked_chain, insert_steps
from deploy.folder import write_private
from streams.windows.hold import Hold, HoldLimit
from streams.windows.rules import WindowRules
from warehouse.client import connect_async
from warehouse.ledger import Ledger, Partition

READ_SECONDS = 60.0


async def run(task: Task) -> None:
    """Count all records, say where the time went, and wait to be ended."""
    client = await connect_async(task.settings())
    try:
        await count(task, Ledger(client))
    finally:
        await client.close()
    await asyncio.Event().wait()


async def count(task: Task, ledger: Ledger) -> None:
    """Chain and insert, batch after batch, partition after partition."""
    logs = read(task)
    spent: dict[str, float] = defaultdict(float)
    whole = dict.fromkeys(("chain", "insert"), 0.0)
    chain = clocked_chain(ledger, Path(task.geo_dir), task.cache_size, WindowRules(HoldLimit(0)), spent)
    for number in logs:
        await ledger.take_over(Partition(task.topic_id, number), 0)
    tune()
    mark_start(task)
    for number, records in logs.items():
        partition = Partition(task.topic_id, number)
        work, hold = ClockedChain(chain, partition, spent), Hold(HoldLimit(0))
        for first in range(0, len(records), task.rows):
            batch = records[first : first + task.rows]
            began = time.process_time()
            hold.put(batch, 0.0)
            kept, stretch = hold.records(0, len(batch)), hold.stretch(0, len(batch))
            await work.look(kept, stretch, stored)
            hold.drop(len(batch))
            rows = work.rows(kept, batch[-1].timestamp // 1000)
            built = time.process_time()
            await ledger.insert(partition, batch[0].offset, rows)
            whole["chain"] += built - began
            whole["insert"] += time.process_time() - built
    inserts = await insert_steps(task, kept, rows)
    steps = by_step(_each(spent, task), inserts["decode"])
    said = _each(whole, task) | steps | inserts
    write_private(Path(task.mark).with_suffix(".said"), json.dumps(said))


def _each(spent: Mapping[str, float], task: Task) -> dict[str, float]:
    """Seconds an event."""
    return {step: seconds / task.records for step, seconds in spent.items()}


async def stored() -> None:
    """Inserts follow the chain here: whatever was built before is stored."""


def read(task: Task) -> dict[int, list[Taken]]:
    """All records of the topic, by partition."""
    consumer = Consumer({**task.broker().librdkafka(), "group.id": task.group, "enable.auto.commit": False})
    partitions = consumer.list_topics(task.topic, READ_SECONDS).topics[task.topic].partitions
    consumer.assign([TopicPartition(task.topic, number, 0) for number in partitions])
    logs: dict[int, list[Taken]] = {number: [] for number in partitions}
    found = 0
    while found < task.records:
        for message in consumer.consume(10_000, 1.0):
            if message.error() is None:
                found += 1
                logs[message.partition() or 0].append(taken(message))
    consumer.close()
    return logs


if __name__ == "__main__":
    asyncio.run(run(read_task()))
