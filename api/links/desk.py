"""The desk: hands commands over to the log, and waits for what became of them.

A command goes to `links.commands`, keyed like its link; the links agent decides and answers on `links.replies`. The
wait has a limit, and what is said at its end is exact: *not taken* (nothing was written), or *not confirmed* (the
command is in the log and will be carried out).
"""

import asyncio
from collections.abc import Sequence

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from api.errors import ApiError, Away, Unconfirmed
from api.settings import ApiSettings
from ingest.follow import Follower
from ingest.kafka import LINK_COMMANDS, LINK_REPLIES
from ingest.links import LinkCommand, LinkReply, link_key

POLL_SECONDS = 0.05
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LinkReply).decode

Answer = LinkReply | ApiError
"""What became of a command: the reply, or why there is none."""


class LinkDesk:
    """Sends commands and matches replies; use as an async context manager, within one event loop."""

    def __init__(self, settings: ApiSettings) -> None:
        self._seconds = settings.reply_seconds
        self._commands = settings.topic(LINK_COMMANDS.name)
        self.reply_to = settings.topic(LINK_REPLIES.name)
        self._waiting: dict[str, asyncio.Future[LinkReply]] = {}
        self._delivered: set[str] = set()
        self._replies = Follower(settings, LINK_REPLIES, self._on_reply, start="end")
        self._producer = Producer(
            settings.producer()
            | {
                "linger.ms": 2,
                # Given up before the wait for the reply ends, so that *not taken* is known by then.
                "message.timeout.ms": int(self._seconds * 800),
            }
        )

    @property
    def is_ready(self) -> bool:
        """Whether replies are being read: before that, no command is sent."""
        return self._replies.is_caught_up

    async def __aenter__(self) -> "LinkDesk":
        """Begin to follow the replies."""
        self._loop = asyncio.get_running_loop()
        self._replies.start()
        self._reports = asyncio.create_task(self._serve_reports())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let what was sent arrive, and stop following."""
        self._reports.cancel()
        await asyncio.gather(asyncio.to_thread(self._producer.flush, 5), asyncio.to_thread(self._replies.stop))

    async def send(self, commands: Sequence[LinkCommand]) -> list[Answer]:
        """Hand all commands over at once, and wait for all replies; one answer each, in order. Raises `Away`.

        The limit is on silence, not on the whole: many commands may take longer, as long as replies keep coming.
        """
        if not self.is_ready:
            raise Away("Links can't be changed now: Kafka does not answer.", what="kafka")
        waits = [self._hand_over(command) for command in commands]
        silent, pending = False, set(waits)
        try:
            while pending and not silent:
                done, pending = await asyncio.wait(pending, timeout=self._seconds)
                silent = not done
            return [self._answer(command, wait) for command, wait in zip(commands, waits, strict=True)]
        finally:
            for command in commands:
                del self._waiting[command.id]
                self._delivered.discard(command.id)

    def _hand_over(self, command: LinkCommand) -> asyncio.Future[LinkReply]:
        wait: asyncio.Future[LinkReply] = self._loop.create_future()
        self._waiting[command.id] = wait
        key = link_key(command.domain, command.slug)

        def reported(error: KafkaError | None, _message: Message) -> None:
            if command.id not in self._waiting:
                return  # nobody waits any more
            if error is None:
                self._delivered.add(command.id)
            elif not wait.done():
                wait.set_exception(KafkaException(error))

        try:
            self._producer.produce(self._commands, _encode(command), key, on_delivery=reported)
        except BufferError as error:
            wait.set_exception(error)
        return wait

    def _answer(self, command: LinkCommand, wait: asyncio.Future[LinkReply]) -> Answer:
        if wait.done() and wait.exception() is None:
            return wait.result()
        if command.id in self._delivered:
            return Unconfirmed(
                f"The command is in the log, but no reply has come for {self._seconds:g} seconds.",
                hint="It will be carried out when a worker runs; look at the link then, before you send it again.",
                command_id=command.id,
            )
        return Away(
            "Kafka did not confirm that it took the command.",
            hint="Look at the link before you send it again.",
            what="kafka",
            command_id=command.id,
        )

    async def _serve_reports(self) -> None:
        """Delivery reports are called back in this loop's thread."""
        while True:
            self._producer.poll(0)
            await asyncio.sleep(POLL_SECONDS)

    def _on_reply(self, _key: bytes, value: bytes | None) -> None:
        """In the follower's thread; replies to other API processes' commands are passed over. Raises `ValueError`."""
        reply = _decode(value or b"")
        if reply.command_id in self._waiting:
            self._loop.call_soon_threadsafe(self._settle, reply)

    def _settle(self, reply: LinkReply) -> None:
        wait = self._waiting.get(reply.command_id)
        if wait is not None and not wait.done():
            wait.set_result(reply)
