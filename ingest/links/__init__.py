"""The link: the record on the compacted topic `links`, the commands that change it, and the rules that both obey.

Key of a record: `link_key(domain, slug)`. The only writer of `links` is the links agent in `streams`, which takes
`LinkCommand`s in order per key, asks `decide` what becomes of each and answers with the `LinkReply`; so a taken slug is
a conflict and never a race.
"""

from ingest.links.decide import FieldError, Tombstone, decide, tombstone
from ingest.links.destination import (
    MAX_DESTINATION,
    DestinationError,
    DomainError,
    check_destination,
    normalise_domain,
)
from ingest.links.records import (
    SLUG_PATTERN,
    Link,
    LinkCommand,
    LinkFields,
    LinkReply,
    Millis,
    Operation,
    Slug,
    Target,
    Variant,
    link_id,
    link_key,
)
from ingest.links.slug import SlugError, check_slug

__all__ = [
    "MAX_DESTINATION",
    "SLUG_PATTERN",
    "DestinationError",
    "DomainError",
    "FieldError",
    "Link",
    "LinkCommand",
    "LinkFields",
    "LinkReply",
    "Millis",
    "Operation",
    "Slug",
    "SlugError",
    "Target",
    "Tombstone",
    "Variant",
    "check_destination",
    "check_slug",
    "decide",
    "link_id",
    "link_key",
    "normalise_domain",
    "tombstone",
]
