import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest
from aiokafka.errors import UnknownTopicOrPartitionError

from streams.batch import Records
from streams.decode import decode_records
from streams.letters import DeadRecord, Letters
from streams.links import Headers
from streams.rows import dead_letter_columns
from tests.unit.streams.test_decode import LogRecord
from warehouse.failures import Doubtful
from warehouse.ledger import Ledger

RECORDS = Records.of([LogRecord(b"\xff 203.0.113.77", offset=5, headers=[("src", b"7"), ("seq", b"9")])])
COLUMNS = dead_letter_columns(UUID(int=1), 2, RECORDS, decode_records(RECORDS).dead)


class Book(Ledger):
    """What is written, in order; Kafka refuses the first so many times."""

    def __init__(self, refusals: int = 0) -> None:
        self.written: list[Any] = []
        self._refusals = refusals

    async def replace(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        self.written.append((table, columns["kafka_offset"]))

    async def send(self, key: bytes, value: bytes | None, _: int | None, __: Headers) -> "asyncio.Future[None]":
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._refusals:
            self._refusals -= 1
            acknowledged.set_exception(UnknownTopicOrPartitionError())
        else:
            self.written.append((key, msgspec.json.decode(value or b"", type=DeadRecord)))
            acknowledged.set_result(None)
        return acknowledged


async def test_a_letter_is_told_before_it_is_in_the_book() -> None:
    book = Book()
    await Letters(book, book.send).put(COLUMNS)
    (key, told), kept = book.written
    assert (key, kept) == (b"2@5", ("dead_letters", [5]))
    assert (told.topic_id, told.kafka_partition, told.kafka_offset) == (str(UUID(int=1)), 2, 5)
    assert (told.src, told.seq, told.reason, told.stage) == (7, 9, "not_json", "decode")
    assert told.payload == "\N{REPLACEMENT CHARACTER} 203.0.113.0"


async def test_what_kafka_does_not_take_is_not_in_the_book_and_can_be_tried_again() -> None:
    book = Book(refusals=1)
    letters = Letters(book, book.send)
    with pytest.raises(Doubtful, match=r"is there a topic clicks\.dead"):
        await letters.put(COLUMNS)
    assert book.written == []
    await letters.put(COLUMNS)
    assert len(book.written) == 2
