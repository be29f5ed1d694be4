"""What becomes of a command: a pure rule from the link as it stands and the command to the reply.

The links agent reads the commands of a key in order, asks `decide`, writes the reply's link (or, for a 204, the
tombstone) and answers. A command that is read again, because the agent stopped between writing and committing, is
known by its id, gets the same reply and changes nothing.
"""

from typing import Any

import msgspec
from msgspec import UNSET

from ingest.links.destination import DestinationError, DomainError, check_destination, normalise_domain
from ingest.links.records import Link, LinkCommand, LinkFields, LinkReply, Operation, Variant, link_id
from ingest.links.slug import SlugError, check_slug

STATUSES = (301, 302, 307, 308)
"""HTTP statuses of a redirect that keeps GET a GET (303 is for answers to POST)."""

REFERRER_POLICIES = frozenset({
    "", "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin",
    "strict-origin", "strict-origin-when-cross-origin", "unsafe-url",
})  # fmt: skip
"""The policies of the W3C Referrer Policy recommendation, and empty: send no such header."""


class FieldError(ValueError):
    """A field of a link that can't be so."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a deleted link: a record without a value, these two in its headers."""

    version: int
    """The last version of the link, counted on by the delete."""
    command_id: str
    """The command that deleted it."""


def decide(current: Link | Tombstone | None, command: LinkCommand) -> LinkReply:
    """The reply to `command` where `current` stands under its key; never raises.

    201 and 200 carry the new link; 204 says that a tombstone is to be written (`tombstone`); 400 names the field;
    404, 409 and 412 say what is there instead.
    """
    if current is not None and current.command_id == command.id:
        return _again(current, command)
    try:
        _check_key(command)
        return _DECIDE[command.operation](current, command)
    except FieldError as error:
        return LinkReply(command_id=command.id, status=400, error=str(error), field=error.field)


def tombstone(current: Link, command: LinkCommand) -> Tombstone:
    """What stands in a deleted link's place, so that a link made anew goes on counting versions."""
    return Tombstone(version=current.version + 1, command_id=command.id)


def _again(current: Link | Tombstone, command: LinkCommand) -> LinkReply:
    if isinstance(current, Tombstone):
        return LinkReply(command_id=command.id, status=204)
    status = 201 if command.operation is Operation.CREATE else 200
    return LinkReply(command_id=command.id, status=status, link=current)


def _create(current: Link | Tombstone | None, command: LinkCommand) -> LinkReply:
    if isinstance(current, Link):
        return _refuse(command, 409, f"the address {command.domain}/{command.slug} is taken")
    if command.fields.destination is UNSET:
        raise FieldError("destination", "a link needs a destination")
    blank = Link(
        id=link_id(command.domain, command.slug),
        domain=command.domain,
        slug=command.slug,
        destination=command.fields.destination,
        version=0 if current is None else current.version,
        created_at=command.at,
    )
    return LinkReply(command_id=command.id, status=201, link=_changed(blank, command))


def _update(current: Link | Tombstone | None, command: LinkCommand) -> LinkReply:
    if not isinstance(current, Link):
        return _refuse(command, 404, f"there is no link {command.domain}/{command.slug}")
    if stale := _stale(current, command):
        return stale
    return LinkReply(command_id=command.id, status=200, link=_changed(current, command))


def _delete(current: Link | Tombstone | None, command: LinkCommand) -> LinkReply:
    if not isinstance(current, Link):
        return _refuse(command, 404, f"there is no link {command.domain}/{command.slug}")
    return _stale(current, command) or LinkReply(command_id=command.id, status=204)


_DECIDE = {Operation.CREATE: _create, Operation.UPDATE: _update, Operation.DELETE: _delete}


def _stale(current: Link, command: LinkCommand) -> LinkReply | None:
    if command.if_version is None or command.if_version == current.version:
        return None
    return _refuse(command, 412, f"the link is at version {current.version}, not {command.if_version}")


def _refuse(command: LinkCommand, status: int, error: str) -> LinkReply:
    return LinkReply(command_id=command.id, status=status, error=error)


def _check_key(command: LinkCommand) -> None:
    """The command's key is the link's; one that is spelled otherwise would stand beside it."""
    try:
        domain = normalise_domain(command.domain)
        check_slug(command.slug)
    except DomainError as error:
        raise FieldError("domain", str(error)) from None
    except SlugError as error:
        raise FieldError("slug", str(error)) from None
    if domain != command.domain:
        raise FieldError("domain", f"a link's domain is written {domain}")


def _changed(link: Link, command: LinkCommand) -> Link:
    """The next version of `link`, with the command's fields; raises `FieldError`."""
    given: dict[str, Any] = {
        name: value for name in LinkFields.__struct_fields__ if (value := getattr(command.fields, name)) is not UNSET
    }
    changed = msgspec.structs.replace(
        link, **given, version=link.version + 1, updated_at=command.at, command_id=command.id
    )
    return _checked(changed)


def _checked(link: Link) -> Link:
    """`link` with its addresses normalised; raises `FieldError` where two fields, or one, can't be so."""
    if link.status not in STATUSES:
        raise FieldError("status", "a redirect's status is 301, 302, 307 or 308")
    if link.referrer_policy not in REFERRER_POLICIES:
        raise FieldError("referrer_policy", "it is none of the W3C's referrer policies, as `no-referrer`")
    if link.starts_at and link.expires_at and link.starts_at >= link.expires_at:
        raise FieldError("expires_at", "the link would expire before it starts")
    if link.position_of and link.position > link.position_of:
        raise FieldError("position", "it is beyond position_of")
    return msgspec.structs.replace(
        link,
        destination=_address("destination", link.destination),
        expired_url=_address("expired_url", link.expired_url) if link.expired_url else "",
        variants=_variants(link.variants),
    )


def _variants(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    if variants and not any(variant.weight for variant in variants):
        raise FieldError("variants", "one of the variants needs a weight above 0")
    if len({variant.name for variant in variants}) < len(variants):
        raise FieldError("variants", "two variants have the same name")
    return tuple(
        msgspec.structs.replace(variant, destination=_address("variants", variant.destination)) for variant in variants
    )


def _address(field: str, url: str) -> str:
    try:
        return check_destination(url)
    except DestinationError as error:
        raise FieldError(field, str(error)) from None
