"""A Faust transport that hands an agent whole batches: one event, one queue hop, one acknowledgement a batch.

Stock Faust makes two asyncio tasks for each message and tops out near ten thousand a second. Here a topic whose schema
is `BatchSchema` is delivered as `Batch`es of one partition, bytes untouched; all other topics go Faust's ordinary way,
in the same app. Chosen by the broker's URL, `weir://host:port` (entry-point group `faust.transports`).

Delivery guarantee: a batch is committed only after `mark_done`, never because an agent took it. Faust's own
acknowledgement would not do: it acknowledges an event whose agent raised or was cancelled. An `Intake` that is bound to
a topic says where reading starts (`open`), when to fetch no more (`full`), and finishes what is in flight before
partitions go (`drain`); without one, reading starts at the committed offset.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Protocol, cast

import faust
from aiokafka.consumer.fetcher import FetchResult
from faust import Schema
from faust.transport.consumer import RecordMap
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.batch import Batch
from warehouse.failpoints import Failpoint, reach

FETCH_MAX_WAIT_MS = 100
"""How long a broker may hold a fetch open. Faust's 1,500 makes a busy partition wait for the idle ones beside it."""

FULL_PAUSE = 0.05
"""Seconds until a fetch is tried again when every partition is over its budget."""


class BatchSchema(Schema[None, Batch]):
    """Marks a topic whose agents take `Batch`es; nothing is decoded on the way."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """Keys stay in the batch's records."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Batch:
        """The batch as it is."""
        return cast(Batch, message.value)


class Intake(Protocol):
    """What stands behind a batched topic and knows better than Kafka what is done."""

    async def open(self, beginnings: Mapping[int, int]) -> Mapping[int, int]:
        """Own these partitions and say where to read on, given the first offset that the log has of each."""

    def full(self, partition: int) -> bool:
        """Whether the partition should be left alone for now."""

    def positions(self) -> Mapping[int, int]:
        """The first offset that is not done yet, of each partition that is owned."""

    async def drain(self) -> None:
        """Finish what is in flight, drop what is not, own nothing."""


class Consumer(driver.Consumer):
    """aiokafka's consumer under Faust, with batches for the topics that ask for them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._done: dict[TP, int] = {}
        self._halted = False
        self.intakes: dict[str, Intake] = {}
        self.reading = False
        """Whether partitions were handed out and are read; False before the first time and during a rebalance."""

    def mark_done(self, topic: str, partition: int, offset: int) -> None:
        """Everything of the partition below `offset` is done: the next commit may say so, unless something failed."""
        if not self._halted:
            self._done[TP(topic, partition)] = offset

    def halt(self) -> None:
        """Something failed and the process will end: nothing is marked done any more, so it is all read again."""
        self._halted = True

    def batched(self, topic: str) -> bool:
        """Whether the topic is delivered in batches."""
        return any(isinstance(known.schema, BatchSchema) and topic in known.topics for known in self.app.topics)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Fetch, and yield one message a batch; Faust's drain loop awaits each one's way into its channel."""
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if not records or self.should_stop or not self._flows(generation):
            return  # a rebalance is under way; when it is over, `seek_to_committed` says where to read on
        wanted = {tp: found for tp, found in records.items() if tp in (active or ())}
        for tp, message in self._messages(wanted):
            if not self._flows(generation):
                return
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            yield tp, message

    def _flows(self, generation: int) -> bool:
        return self.flow_active and bool(self.app.consumer_generation_id == generation)

    def _messages(self, records: Mapping[TP, list[Any]]) -> Iterable[tuple[TP, ConsumerMessage]]:
        single = {}
        for tp, found in records.items():
            if self.batched(tp.topic):
                yield tp, self._batch_message(tp, found)
            else:
                single[tp] = found
        for tp, record in self.scheduler.iterate(single):
            yield tp, self._to_message(tp, record)

    def _batch_message(self, tp: TP, records: list[Any]) -> ConsumerMessage:
        last = records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            [],
            None,
            cast(bytes, Batch(tp.topic, tp.partition, records, self.app.consumer_generation_id)),
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:
        """Leave partitions alone that are over their budget; a set of our own: one emptied meanwhile means *all*."""
        wanted = {tp for tp in active_partitions if not self._full(tp)} if active_partitions else set()
        if active_partitions and not wanted:
            await asyncio.sleep(FULL_PAUSE)
            return {}
        return await super()._getmany(wanted or None, timeout)

    def _full(self, tp: TP) -> bool:
        intake = self.intakes.get(tp.topic)
        return intake is not None and intake.full(tp.partition)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go where reading starts: where the intake says, else to the committed offset."""
        if not self.assignment():
            return {}
        offsets: dict[TP, int] = dict(await super().seek_to_committed())
        for topic, intake in self.intakes.items():
            owned = [tp for tp in self.assignment() if tp.topic == topic]
            beginnings = await self.earliest_offsets(*owned) if owned else {}
            starts = await intake.open({tp.partition: offset for tp, offset in beginnings.items()})
            seeks = {TP(topic, partition): offset for partition, offset in starts.items()}
            if seeks:
                await self.seek_wait(seeks)
            offsets.update(seeks)
        return offsets

    def positions(self, topic: str) -> Mapping[int, int]:
        """How far each partition that is owned here is done, as its intake says."""
        return self.intakes[topic].positions()

    def log_end(self, topic: str, partition: int) -> tuple[int, float] | None:
        """Where the log of a partition ends, and when Kafka said so in answer to a fetch, by `time.monotonic()`.

        None before the first answer, and while the partition is not owned.
        """
        return cast(ConsumerThread, self._thread).log_end(TP(topic, partition))

    def stop_flow(self) -> None:
        """A rebalance begins."""
        self.reading = False
        super().stop_flow()

    def resume_flow(self) -> None:
        """A rebalance is over."""
        super().resume_flow()
        self.reading = True

    async def wait_empty(self) -> None:
        """Before partitions go, by a rebalance or a stop: what is in flight is finished, then committed."""
        for intake in self.intakes.values():
            await intake.drain()
        await super().wait_empty()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was done: the next owner reads it from the ledger."""
        await super().on_partitions_revoked(revoked)
        self._done.clear()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        reach(Failpoint.BEFORE_COMMIT)
        did_commit: bool = await super()._commit(offsets)
        reach(Failpoint.AFTER_COMMIT)
        return did_commit

    def _new_offset(self, tp: TP) -> int | None:
        if not self.batched(tp.topic):
            stock: int | None = super()._new_offset(tp)
            return stock
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self._done.get(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if not self.batched(tp.topic):
            await super()._add_gap(tp, offset_from, offset_to)

    def on_buffer_full(self, tp: TP) -> None:
        """A full queue of batches blocks the drain loop; Faust would switch the partition off until it is empty."""
        if not self.batched(tp.topic):
            super().on_buffer_full(tp)

    def _new_consumer_thread(self) -> "ConsumerThread":
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that polls; the fetch wait differs, what becomes of the records of batched topics, and `log_end`."""

    def log_end(self, tp: TP) -> tuple[int, float] | None:
        """As `Consumer.log_end`; from another thread, so each reference is taken once."""
        subscription = self._consumer._subscription.subscription if self._consumer else None
        assignment = subscription.assignment if subscription else None
        state = assignment.state_value(tp) if assignment else None
        if state is None or state.timestamp is None:
            return None
        asked = state.timestamp  # taken before the end, which may grow meanwhile: too early a time does no harm
        ago = max(0.0, time.time() - asked / 1000)  # aiokafka's clock may be set by somebody; one that goes on may not
        return state.highwater, time.monotonic() - ago

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # Faust hard-codes the argument
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # Faust's signature
        max_records: int | None = None,
    ) -> RecordMap:
        """As Faust does; but it looks at what has come before aiokafka hands it out, to spare it its copies."""
        fetcher = consumer._fetcher
        self._spare_copies(fetcher)
        found: RecordMap = await super()._fetch_records(consumer, active_partitions, 0, max_records)
        if found or not timeout or not self.consumer.flow_active:
            return found
        waiter = fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=timeout)
        if not done:
            waiter.cancel()
            return {}
        waiter.result()  # raises what the broker refuses for good
        self._spare_copies(fetcher)
        return await super()._fetch_records(consumer, active_partitions, 0, max_records)

    def _spare_copies(self, fetcher: Any) -> None:
        """The log's own records do for a batch; aiokafka would make another object of each, 1 µs a record."""
        consumer = cast(Consumer, self.consumer)
        for tp, result in fetcher._records.items():
            if isinstance(result, FetchResult) and (read := result._partition_records) and consumer.batched(tp.topic):
                read._consumer_record = _as_it_is


def _as_it_is(_: TP, record: Any) -> Any:
    return record


class App(faust.App):
    """A Faust app without tables; Faust would make their folders wherever the process was started."""

    def _create_directories(self) -> None:
        """Make none."""


class Transport(driver.Transport):
    """The transport behind `weir://`."""

    Consumer = Consumer
