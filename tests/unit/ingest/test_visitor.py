"""Ids of the day, and those who object to having one."""

import hashlib

import pytest

from ingest.address import read
from ingest.visitor import Ids, objects, origin

SALT = bytes(range(32))


def test_the_ids_are_keyed_hashes() -> None:
    address = read("203.0.113.77")
    assert address is not None
    ids = Ids(SALT).of(address, "Firefox", "go.example")
    keyed = hashlib.blake2b(bytes([203, 0, 113, 77]), digest_size=8, key=SALT, person=b"address")
    assert ids.address_id == keyed.hexdigest()
    keyed = hashlib.blake2b(
        bytes([203, 0, 113, 77]) + b"Firefox\0go.example", digest_size=8, key=SALT, person=b"visitor"
    )
    assert ids.visitor_id == keyed.hexdigest()


def test_what_the_ids_depend_on() -> None:
    here, there = read("203.0.113.77"), read("203.0.113.78")
    assert here is not None
    assert there is not None
    ids = Ids(SALT)
    one = ids.of(here, "Firefox", "go.example")
    assert ids.of(here, "Firefox", "go.example") == one
    assert ids.of(there, "Firefox", "go.example").address_id != one.address_id
    assert ids.of(here, "Chrome", "go.example").address_id == one.address_id
    others = [
        ids.of(there, "Firefox", "go.example"),
        ids.of(here, "Chrome", "go.example"),
        ids.of(here, "Firefox", "other.example"),
        Ids(bytes(32)).of(here, "Firefox", "go.example"),
    ]
    assert len({one.visitor_id, *(other.visitor_id for other in others)}) == 5


@pytest.mark.parametrize(
    ("headers", "objecting"),
    [
        ({}, False),
        ({b"dnt": b"1"}, True),
        ({b"dnt": b"0"}, False),
        ({b"sec-gpc": b"1"}, True),
        ({b"sec-gpc": b"0", b"dnt": b"1"}, True),
        ({b"sec-gpc": b"?1"}, False),
    ],
)
def test_who_objects(headers: dict[bytes, bytes], objecting: bool) -> None:
    assert objects(headers) is objecting


@pytest.mark.parametrize(
    ("referrer", "kept"),
    [
        ("https://example.com/private?q=1#f", "https://example.com/"),
        ("https://example.com:8443", "https://example.com:8443/"),
        ("https://user:secret@example.com/x", "https://example.com/"),
        ("https://example.com?mail=a@b", "https://example.com/"),
        ("android-app://com.google.android.gm/x", "android-app://com.google.android.gm/"),
        ("nonsense", ""),
        ("https://", ""),
        ("", ""),
    ],
)
def test_a_referrer_is_cut_to_its_origin(referrer: str, kept: str) -> None:
    assert origin(referrer) == kept
