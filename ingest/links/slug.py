"""Which slugs a link may have: those that browsers ask for as written, and that Weir does not need itself."""

import re

from ingest.links.records import SLUG_PATTERN

RESERVED = ("favicon.ico", "robots.txt", ".well-known")
"""What browsers and crawlers ask of every host; the redirector answers these itself."""

RESERVED_FOLDERS = {"-": "Weir's own pages", "s": "signed links", ".well-known": "what browsers ask of every host"}

_PATTERN = re.compile(SLUG_PATTERN)


class SlugError(ValueError):
    """The slug can't be a link's; the message says why."""


def check_slug(slug: str) -> str:
    """The slug as it was given; raises `SlugError` where it can't be a link's."""
    if not _PATTERN.fullmatch(slug):
        raise SlugError("a slug has 1 to 128 of the characters A-Z a-z 0-9 . _ ~ - and, not at its beginning, /")
    folder, slash, _ = slug.partition("/")
    if slash and folder in RESERVED_FOLDERS:
        raise SlugError(f"`{folder}/` is kept for {RESERVED_FOLDERS[folder]}")
    if slug in RESERVED:
        raise SlugError(f"`{slug}` is kept for what browsers ask of every host")
    if {".", ".."} & set(slug.split("/")):
        raise SlugError("`.` and `..` between slashes are folded away by browsers, so nobody could reach the link")
    return slug
