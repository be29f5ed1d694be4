"""Links: the book of the links whose commands this process takes, and their rows for ClickHouse."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from ingest.kafka import LINKS, KafkaSettings
from ingest.links import Link, LinkCommand, LinkReply, Tombstone, decide, link_id, link_key
from ingest.links.decide import tombstone
from streams.batch import Batch, Record

log = structlog.get_logger()

decode_command = msgspec.json.Decoder(LinkCommand).decode
decode_link = msgspec.json.Decoder(Link).decode
encode = msgspec.json.Encoder().encode

READ_SECONDS = 60.0

Book = dict[bytes, Link | Tombstone]
Headers = Sequence[tuple[str, bytes]]
Send = Callable[[bytes, bytes | None, int | None, Headers], Awaitable[Awaitable[Any]]]
"""(key, value, partition, headers) → returns when the record is queued; its result is done when Kafka has it."""


class LinkBook:
    """What stands under each key of `links`, by partition; read from the topic when a partition is taken over.

    A compacted topic has no compare-and-set: that a slug is taken once rests on its commands being in one partition,
    that partition having one owner, and the owner writing in the order of the commands. A command that is read twice
    does its work once: the link remembers the command that made it. Only where a later command for the same link was
    read before a crash, too, does the link get one version more, with the same content.
    """

    def __init__(self, settings: KafkaSettings, write: Send, reply: Send) -> None:
        self._settings, self._write, self._reply = settings, write, reply
        self._topic = settings.topic(LINKS.name)
        self._books: dict[int, tuple[int, Book]] = {}

    async def take(self, batch: Batch) -> None:
        """Do what a batch of `links.commands` asks for: write the links, and when Kafka has them, reply.

        When it returns, everything is written; raises what Kafka raises, and then the batch is read again.
        """
        book = await self._book(batch.partition, batch.generation)
        replies, writes = [], []
        for command in map(_command, batch.records):
            if command is None:
                continue
            key = link_key(command.domain, command.slug)
            reply = decide(book.get(key), command)
            if (entry := reply.link or _buried(book.get(key), command, reply)) is not None:
                book[key] = entry
                writes.append(await self._write(key, _value(entry), batch.partition, _headers(entry)))
            if command.reply_to:
                replies.append((command.id.encode(), encode(reply)))
        await asyncio.gather(*writes)
        await asyncio.gather(*[await self._reply(key, value, None, []) for key, value in replies])

    async def _book(self, partition: int, generation: int) -> Book:
        known = self._books.get(partition)
        if known is None or known[0] != generation:
            known = (generation, await asyncio.to_thread(self._read, partition))
            self._books[partition] = known
        return known[1]

    def _read(self, partition: int) -> Book:
        """The partition from its beginning to its end. Raises `KafkaException` or `TimeoutError`."""
        book: Book = {}
        consumer = Consumer({**self._settings.librdkafka(), "group.id": "weir-link-book", "enable.auto.commit": False})
        try:
            place = TopicPartition(self._topic, partition, 0)
            first, end = consumer.get_watermark_offsets(place, timeout=READ_SECONDS)
            place.offset = first
            consumer.assign([place])
            while consumer.position([place])[0].offset < end and first < end:
                for message in consumer.consume(10_000, timeout=1.0):
                    if (error := message.error()) is not None:
                        raise KafkaException(error)
                    _enter(book, message.key() or b"", message.value(), cast(Headers, message.headers() or []))
        finally:
            consumer.close()
        log.info("link book read", partition=partition, links=len(book))
        return book


def _enter(book: Book, key: bytes, value: bytes | None, headers: Headers) -> None:
    if value is None:
        book[key] = read_tombstone(headers)
        return
    try:
        book[key] = decode_link(value)
    except msgspec.DecodeError as error:
        log.error("a record of the links topic is no link", key=key.decode(errors="replace"), error=str(error))


def read_tombstone(headers: Headers) -> Tombstone:
    """The tombstone that stands in a deleted link's headers."""
    found = dict(headers)
    return Tombstone(version=int(found.get("version", b"0")), command_id=found.get("command_id", b"").decode())


def _command(record: Record) -> LinkCommand | None:
    try:
        return decode_command(record.value or b"")
    except msgspec.DecodeError as error:
        log.error("a record of the commands topic is no command", offset=record.offset, error=str(error))
        return None


def _buried(current: Link | Tombstone | None, command: LinkCommand, reply: LinkReply) -> Tombstone | None:
    return tombstone(current, command) if reply.status == 204 and isinstance(current, Link) else None


def _value(entry: Link | Tombstone) -> bytes | None:
    return encode(entry) if isinstance(entry, Link) else None


def _headers(entry: Link | Tombstone) -> Headers:
    if isinstance(entry, Link):
        return []
    return [("version", str(entry.version).encode()), ("command_id", entry.command_id.encode())]


def link_rows(records: Sequence[Record]) -> Mapping[str, list[Any]]:
    """Rows of ClickHouse's `links`: one a record, deletions too; writing one twice does no harm."""
    rows = [row for record in records if (row := _row(record)) is not None]
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _row(record: Record) -> Mapping[str, Any] | None:
    domain, _, slug = (record.key or b"").decode(errors="replace").partition("/")
    if record.value is None:
        buried = read_tombstone(record.headers)
        link = Link(
            id="", domain=domain, slug=slug, destination="", version=buried.version, updated_at=record.timestamp
        )
    else:
        try:
            link = decode_link(record.value)
        except msgspec.DecodeError as error:
            log.error("a record of the links topic is no link", offset=record.offset, error=str(error))
            return None
    return {
        "link_id": int(link_id(link.domain, link.slug), 16),
        "domain": link.domain,
        "slug": link.slug,
        "destination": link.destination,
        "title": link.title,
        "tags": list(link.tags),
        "campaign": link.campaign,
        "enabled": link.enabled,
        "deleted": record.value is None,
        "version": link.version,
        "created_at": link.created_at,
        "updated_at": link.updated_at,
    }
