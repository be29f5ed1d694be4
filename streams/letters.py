"""Letters: what is told of a record that can't be decoded or stored.

Delivery guarantee: before a dead record's row stands, its letter is in the topic `clicks.dead` and in the table
`dead_letters`. A crash in between writes it again, so in the topic it may come more than once; the table keeps one. The
table is the book that Weir itself goes by; the topic is for whoever wants to be told.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiokafka.errors import KafkaError

from streams.links import Send
from warehouse.failures import Doubtful
from warehouse.ledger import Ledger

SECONDS = 10.0
"""How long Kafka may take for letters before that counts as a failure that may pass."""


class DeadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a record of `clicks.dead`: a record of `clicks.raw` that is stored as `dead`, and why.

    (`topic_id`, `kafka_partition`, `kafka_offset`) says which; it may come more than once.
    """

    v: int = 1
    """Schema version."""
    topic_id: str
    """Id that Kafka gave `clicks.raw` when it was made."""
    kafka_partition: int
    """Partition of `clicks.raw`."""
    kafka_offset: int
    """Offset in that partition."""
    append_time: int
    """When Kafka appended the record, Unix milliseconds."""
    stage: str
    """Step that gave up: decode or insert."""
    reason: str
    """Why: empty, not_json, invalid or unstorable."""
    detail: str
    """The error in words."""
    src: int
    """Start id of the redirector process, as far as the record tells it; 0: it does not."""
    seq: int
    """Its counter, as far as the record tells it; 0: it does not."""
    payload: str
    """The record's value, cut at 64 KiB and addresses in it to their networks; what is no UTF-8 is replaced."""
    payload_size: int
    """Bytes that the value had."""

    @property
    def key(self) -> bytes:
        """The record's key: partition and offset."""
        return f"{self.kafka_partition}@{self.kafka_offset}".encode()


class Letters:
    """Where letters go."""

    def __init__(self, ledger: Ledger, send: Send | None = None) -> None:
        """`send` writes to the topic; without it there is the table alone."""
        self._ledger, self._send = ledger, send

    async def put(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Write rows of `dead_letters`. Raises what the ledger does, and `Doubtful` where Kafka does not take them."""
        if self._send is not None:
            await self._tell(self._send, dead_records(columns))
        await self._ledger.replace("dead_letters", columns)

    async def _tell(self, send: Send, records: Sequence[DeadRecord]) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                sent = [await send(record.key, msgspec.json.encode(record), None, ()) for record in records]
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError) as error:
            reason = str(error) or f"no answer within {SECONDS:.0f} s"
            raise Doubtful(f"Kafka does not take dead letters; is there a topic clicks.dead? {reason}") from error


def dead_records(columns: Mapping[str, Sequence[Any]]) -> list[DeadRecord]:
    """Rows of `dead_letters` as records of the topic."""
    texts = {
        "topic_id": map(str, columns["topic_id"]),
        "payload": (payload.decode("utf-8", "replace") for payload in columns["payload"]),
    }
    rows = zip(*({**columns, **texts}).values(), strict=True)
    return [DeadRecord(**dict(zip(columns, row, strict=True))) for row in rows]
