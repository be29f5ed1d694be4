"""From JSON to commands and from replies to JSON: everything about links over HTTP that is pure."""

import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from api.errors import BY_STATUS, ApiError, BadRequest, Forbidden, Internal, suggest
from api.keys.caller import Caller
from ingest.links import DomainError, Link, LinkCommand, LinkFields, LinkReply, Operation, decide, normalise_domain

SLUG_LETTERS = "23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits and letters that are not easily taken for each other."""
SLUG_LENGTH = 12
"""Of 56 letters: 69.7 bits of choice, so that nobody finds a link by guessing."""

_WHERE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<field>[^`]*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)

T = TypeVar("T")


class NewLink(LinkFields, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of `POST /v1/links`: the fields of a link, and what can't be changed later."""

    domain: str = ""
    """Empty: the installation's."""
    slug: str = ""
    """Empty: a random one."""


class LinkChange(LinkFields, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of `PATCH /v1/links/{id}`."""

    if_version: int | None = None
    """Change only this version; `If-Match` says the same."""


class NewLinks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /v1/links/bulk`; each link is read by itself, so that a bad one spoils no other."""

    links: list[msgspec.Raw]
    check_only: bool = False
    """Say what would become of each, and change nothing."""


def read(body: bytes | msgspec.Raw, type_: type[T]) -> T:
    """JSON → `type_`; raises `BadRequest` naming the field."""
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.ValidationError as error:
        raise _complaint(str(error), type_) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None


def _complaint(message: str, type_: type[Any]) -> BadRequest:
    if unknown := _UNKNOWN.match(message):
        name = unknown["name"].partition("`")[0]
        return BadRequest("There is no such field.", field=name, hint=suggest(name, type_.__struct_fields__))
    where = _WHERE.fullmatch(message)
    what, field = (where["what"], where["field"] or "") if where else (message, "")
    return BadRequest(f"{what}.", field=field)


def creation(new: NewLink, *, default_domain: str, reply_to: str) -> LinkCommand:
    """The command that makes a link; raises `BadRequest` for everything that is wrong with it by itself."""
    try:
        domain = normalise_domain(new.domain or default_domain)
    except DomainError as error:
        raise BadRequest(f"{_sentence(str(error))}.", field="domain") from None
    command = _command(Operation.CREATE, domain, new.slug or random_slug(), reply_to, fields=_fields(new))
    refuse(decide(None, command))
    return command


def change(link: Link, wanted: LinkChange, if_version: int | None, reply_to: str) -> LinkCommand:
    """The command that changes a link."""
    version = wanted.if_version if if_version is None else if_version
    return _command(Operation.UPDATE, link.domain, link.slug, reply_to, fields=_fields(wanted), if_version=version)


def deletion(link: Link, if_version: int | None, reply_to: str) -> LinkCommand:
    """The command that deletes a link."""
    return _command(Operation.DELETE, link.domain, link.slug, reply_to, if_version=if_version)


def permit(caller: Caller, command: LinkCommand) -> None:
    """Raises `Forbidden` where the link would be on a domain that is not the caller's."""
    if not caller.sees(command.domain):
        raise Forbidden(
            f"This key has no links on `{command.domain}`.",
            field="domain",
            hint=f"Give `domain`, one of: {', '.join(caller.domains or ())}.",
        )


def random_slug() -> str:
    """A slug that nobody guesses."""
    return "".join(secrets.choice(SLUG_LETTERS) for _ in range(SLUG_LENGTH))


def refuse(reply: LinkReply) -> None:
    """Raises the error that the reply speaks of, if it does."""
    if reply.status >= 400:
        error: type[ApiError] = BY_STATUS.get(reply.status, Internal)
        raise error(f"{_sentence(reply.error)}.", field=reply.field)


def shown(link: Link, address: str) -> dict[str, Any]:
    """A link as JSON shows it; `address` is the pattern of `ApiSettings.link_address`."""
    fields: Mapping[str, Any] = msgspec.structs.asdict(link)
    return {
        **{name: value for name, value in fields.items() if name != "command_id"},
        "variants": [msgspec.structs.asdict(variant) for variant in link.variants],
        "address": address_of(address, link.domain, link.slug),
    }


def address_of(pattern: str, domain: str, slug: str) -> str:
    """Where people find a link; `pattern` is that of `ApiSettings.link_address`."""
    return pattern.replace("{domain}", domain).replace("{slug}", slug)


def _fields(given: LinkFields) -> LinkFields:
    return LinkFields(**{name: getattr(given, name) for name in LinkFields.__struct_fields__})


def _command(
    operation: Operation,
    domain: str,
    slug: str,
    reply_to: str,
    *,
    fields: LinkFields | None = None,
    if_version: int | None = None,
) -> LinkCommand:
    return LinkCommand(
        id=str(uuid4()),
        operation=operation,
        domain=domain,
        slug=slug,
        at=time.time_ns() // 1_000_000,
        fields=fields or LinkFields(),
        if_version=if_version,
        reply_to=reply_to,
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
