"""The records: a version of a link, a command that changes it, the reply to that command."""

import enum
import hashlib
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

SLUG_PATTERN = r"^[A-Za-z0-9._~-][A-Za-z0-9._~/-]{0,127}$"
"""A slug is what stands after the first slash: unreserved characters, `/` inside; `-/` and `s/` are Weir's own."""

Slug = Annotated[str, Meta(pattern=SLUG_PATTERN, max_length=128)]
Millis = Annotated[int, Meta(ge=0)]
Status = Annotated[int, Meta(ge=301, le=308)]
Uint16 = Annotated[int, Meta(ge=0, le=0xFFFF)]
Uint32 = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]


class Variant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One destination of an A/B link."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    destination: str
    weight: Annotated[int, Meta(ge=0, le=10_000)] = 1


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a redirect needs of a link: where it leads, when, how, and what its click is told."""

    id: str
    """`link_id(domain, slug)`."""
    destination: str
    version: Uint32
    """From 1, one higher with each change; a deleted and re-made link goes on counting from its tombstone's."""
    variants: tuple[Variant, ...] = ()
    enabled: bool = True
    starts_at: Millis = 0
    """Unix milliseconds; 0 is always."""
    expires_at: Millis = 0
    """Unix milliseconds; 0 is never."""
    expired_url: str = ""
    status: Status = 302
    passthrough: bool = True
    referrer_policy: str = ""
    position: Uint16 = 0
    position_of: Uint16 = 0
    slot: Annotated[str, Meta(max_length=64)] = ""
    trap: bool = False


class Link(Target, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a link: the value on the topic `links`."""

    domain: str
    slug: str
    title: str = ""
    tags: tuple[str, ...] = ()
    campaign: str = ""
    created_at: Millis = 0
    updated_at: Millis = 0
    command_id: str = ""
    """The command that made this version: a command that is read again is recognised by it."""


class LinkFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a user may set: all of it when a link is made, the given part of it when one is changed."""

    destination: str | UnsetType = UNSET
    variants: Annotated[tuple[Variant, ...], Meta(max_length=64)] | UnsetType = UNSET
    title: Annotated[str, Meta(max_length=256)] | UnsetType = UNSET
    tags: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=32)] | UnsetType = UNSET
    campaign: Annotated[str, Meta(max_length=128)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    starts_at: Millis | UnsetType = UNSET
    expires_at: Millis | UnsetType = UNSET
    expired_url: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    passthrough: bool | UnsetType = UNSET
    referrer_policy: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    position: Uint16 | UnsetType = UNSET
    position_of: Uint16 | UnsetType = UNSET
    slot: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    trap: bool | UnsetType = UNSET


class Operation(enum.StrEnum):
    """What a command does to a link."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class LinkCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One wish to change a link: the value on `links.commands`, keyed like the link."""

    id: str
    """A UUID of the sender's: names the reply, and makes a command that is read twice do its work once."""
    operation: Operation
    domain: str
    slug: Slug
    at: Millis
    """When it was wished, Unix milliseconds: the link's `updated_at`."""
    fields: LinkFields = LinkFields()
    if_version: int | None = None
    """Change only this version, else 412."""
    reply_to: str = ""
    """Topic of the reply; empty: none is wanted."""


class LinkReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a command: the value on `links.replies`, keyed by the command's id."""

    command_id: str
    status: int
    """201 made, 200 changed, 204 deleted, 400 refused, 404 no such link, 409 slug taken, 412 stale version."""
    link: Link | None = None
    error: str = ""
    field: str = ""
    """The field that a 400 speaks of."""


def link_key(domain: str, slug: str) -> bytes:
    """Key of a link's records: `domain/slug`."""
    return f"{domain}/{slug}".encode()


def link_id(domain: str, slug: str) -> str:
    """The link's id: 64 bits of SHA-256 over its key, as 16 hexadecimal digits. A slug in a domain *is* the link."""
    return hashlib.sha256(link_key(domain, slug)).hexdigest()[:16]
