"""What answers about links look like, for the API's description."""

from typing import Any

import msgspec

from ingest.links import Link

ShownLink = msgspec.defstruct(
    "ShownLink",
    [
        *((field.name, field.type) for field in msgspec.structs.fields(Link) if field.name != "command_id"),
        ("address", str),
    ],
    namespace={"__doc__": "A link as it is now; times are Unix milliseconds, 0 is none."},
)


class LinkPage(msgspec.Struct, frozen=True):
    """A page of links, the newest first."""

    links: list[ShownLink]  # type: ignore[valid-type]
    total: int
    """On all pages."""
    next: str | None
    """Address of the next page."""


class BulkAnswer(msgspec.Struct, frozen=True):
    """What became of each link, in order: `status`, and `link` or `error`."""

    results: list[dict[str, Any]]
    made: int
    refused: int
