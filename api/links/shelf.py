"""What the links' endpoints work with: the book that is read and the desk that changes it, kept in step."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from api.errors import ApiError, Away, NotFound
from api.keys.caller import Caller
from api.links.book import LinkBook
from api.links.commands import refuse, shown
from api.links.desk import Answer, LinkDesk
from api.settings import ApiSettings
from api.telemetry import Telemetry
from api.writes.author import Author
from api.writes.entry import Write
from api.writes.log import WriteLog
from ingest.follow import Follower
from ingest.kafka import LINKS
from ingest.links import Link, LinkCommand, LinkReply, link_id


class LinkShelf:
    """Links as they are, and the way to change them."""

    def __init__(self, settings: ApiSettings, telemetry: Telemetry, writes: WriteLog) -> None:
        self.settings = settings
        self._writes = writes
        self.desk = LinkDesk(settings)
        self._telemetry = telemetry
        self._book = LinkBook()
        self._follower = Follower(settings, LINKS, self._book.record)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["LinkShelf"]:
        """Follow the topics as long as the context lasts."""
        self._follower.start()
        try:
            async with self.desk:
                yield self
                self._follower.tell_to_stop()  # both at once
        finally:
            await asyncio.to_thread(self._follower.stop)

    def missing(self) -> list[str]:
        """Topics that have not been read to their ends yet."""
        parts = {"links": self._follower.is_caught_up, "links.replies": self.desk.is_ready}
        return [name for name, there in parts.items() if not there]

    @property
    def book(self) -> LinkBook:
        """The links; raises `Away` until all of them have been read."""
        if not self._follower.is_caught_up:
            raise Away("Links can't be read now: Kafka does not answer, or is still being read.", what="kafka")
        return self._book

    def known(self, id_: str, caller: Caller) -> Link:
        """The link of that id; raises `NotFound`, of another's link too, or `Away`."""
        link = self.book.get(id_)
        if link is None or not caller.sees(link.domain):
            raise NotFound("There is no link of this id.", field="id")
        return link

    async def carry_out(self, commands: Sequence[LinkCommand], author: Author) -> list[Answer]:
        """Commands → what became of each; whoever reads the book after this reads the changes.

        Each is a line of the audit log, whatever became of it.
        """
        before = [self._book.get(link_id(command.domain, command.slug)) for command in commands]
        answers = await self.desk.send(commands) if commands else []
        for command, known, answer in zip(commands, before, answers, strict=True):
            status = answer.status if isinstance(answer, LinkReply) else "none"
            self._telemetry.commands.labels(command.operation, status).inc()
            if isinstance(answer, LinkReply):
                self._note(command, answer)
            self._writes.note(self._line(author, command, known, answer))
        return answers

    async def carry_out_one(self, command: LinkCommand, author: Author) -> LinkReply:
        """One command → its reply; raises what the reply refuses with, or `Away` or `Unconfirmed`."""
        [answer] = await self.carry_out([command], author)
        if isinstance(answer, ApiError):
            raise answer
        refuse(answer)
        return answer

    def show(self, link: Link) -> dict[str, Any]:
        """A link as JSON shows it."""
        return shown(link, self.settings.link_address)

    def _line(self, author: Author, command: LinkCommand, before: Link | None, answer: Answer) -> Write:
        after = answer.link if isinstance(answer, LinkReply) else None
        return author.wrote(
            f"link.{command.operation}",
            link_id(command.domain, command.slug),
            answer.status,
            domain=command.domain,
            before=self.show(before) if before else None,
            after=self.show(after) if after else None,
        )

    def _note(self, command: LinkCommand, reply: LinkReply) -> None:
        """Put a change into the book before the topic's record comes; the topic has the last word."""
        if reply.link is not None:
            self._book.put(reply.link)
        elif reply.status == 204:
            self._book.drop(link_id(command.domain, command.slug))
