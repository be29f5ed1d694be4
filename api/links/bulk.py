"""Many links at once: an answer for each, in order; a bad one spoils no other."""

from collections.abc import Iterator
from typing import Any

import msgspec

from api.errors import ApiError, BadRequest
from api.keys.caller import Caller
from api.links.commands import NewLink, NewLinks, creation, permit, read, refuse
from api.links.desk import Answer
from api.links.shelf import LinkShelf
from api.writes.author import Author
from ingest.links import LinkCommand, LinkReply, decide, link_id

MAX_BULK = 1000


async def create_many(shelf: LinkShelf, asked: NewLinks, author: Author) -> dict[str, Any]:
    """The answer to `POST /v1/links/bulk`; raises `BadRequest` or `Away` where nothing was done at all."""
    if len(asked.links) > MAX_BULK:
        hint = "Send them in several requests."
        raise BadRequest(f"That is more than {MAX_BULK} links.", field="links", hint=hint)
    planned = [_planned(shelf, raw, author.caller) for raw in asked.links]
    commands = [plan for plan in planned if isinstance(plan, LinkCommand)]
    answers = iter(_checked(shelf, commands) if asked.check_only else await shelf.carry_out(commands, author))
    results = [_shown(shelf, next(answers) if isinstance(plan, LinkCommand) else plan) for plan in planned]
    refused = sum("error" in result for result in results)
    return {"results": results, "made": len(results) - refused, "refused": refused}


def _planned(shelf: LinkShelf, raw: msgspec.Raw, caller: Caller) -> LinkCommand | ApiError:
    try:
        new = read(raw, NewLink)
        command = creation(new, default_domain=shelf.settings.default_domain, reply_to=shelf.desk.reply_to)
        permit(caller, command)
        return command
    except ApiError as error:
        return error


def _checked(shelf: LinkShelf, commands: list[LinkCommand]) -> Iterator[Answer]:
    """What would become of the commands, as far as the book knows."""
    for command in commands:
        yield decide(shelf.book.get(link_id(command.domain, command.slug)), command)


def _shown(shelf: LinkShelf, answer: Answer) -> dict[str, Any]:
    try:
        if isinstance(answer, LinkReply):
            refuse(answer)
    except ApiError as error:
        answer = error
    if isinstance(answer, ApiError):
        return {"status": int(answer.status), "error": answer.body()}
    return {"status": answer.status, "link": shelf.show(answer.link) if answer.link else None}
