"""A link as it is held in memory and in the snapshot: what a redirect needs of it, as a MessagePack array.

A million links are a million byte strings, which the garbage collector does not look at. The fields stand in the order
of `Target`; those at the end that have their default are left out. Whoever changes the fields, their order or a default
raises `ingest.linkstore.journal.FORMAT`.
"""

import re
from operator import attrgetter
from typing import Any

import msgspec

from ingest.links import Link, Target, link_key

_DESTINATION = re.compile(r"https?://[!-\[\]-~]+")
"""What may stand in a `Location` header: printable ASCII without a backslash. The links agent has checked the rest;
this is looked at once a record, so that no request has to."""


class _Packed(Target, frozen=True, array_like=True, gc=False):
    """A target, written as an array."""


_REQUIRED = 3
_DEFAULTS = (None,) * _REQUIRED + Target.__struct_defaults__
_values = attrgetter(*Target.__struct_fields__)
_encode = msgspec.msgpack.Encoder().encode
_record = msgspec.json.Decoder(Link).decode

unpack = msgspec.msgpack.Decoder(_Packed).decode
"""Bytes of `pack` → the `Target`."""


def pack(link: Target) -> bytes:
    """What a redirect needs of a link."""
    values: tuple[Any, ...] = _values(link)
    kept = len(values)
    while kept > _REQUIRED and values[kept - 1] == _DEFAULTS[kept - 1]:
        kept -= 1
    return _encode(values[:kept])


def entry(key: bytes, value: bytes | None) -> tuple[str, bytes | None]:
    """A record of the topic → its link's `domain/slug`, and the link packed (None: it is deleted).

    Raises `ValueError` where the record is none.
    """
    name = key.decode()
    if "/" not in name:
        raise ValueError("its key is no domain/slug")
    if value is None:
        return name, None
    link = _record(value)
    _check(link, key)
    return name, pack(link)


def _check(link: Link, key: bytes) -> None:
    if link_key(link.domain, link.slug) != key:
        raise ValueError("its key is another link's")
    addresses = [link.destination, link.expired_url or link.destination, *(v.destination for v in link.variants)]
    if not all(map(_DESTINATION.fullmatch, addresses)):
        raise ValueError("a destination of it may not stand in a header")
