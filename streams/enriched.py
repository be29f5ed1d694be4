"""The enriched click: what stands in `clicks.enriched`, one JSON object a record, with every field in each.

This file is the contract with whoever reads that topic; `docs/enriched-click.schema.json` is made from it. A field is
added, never renamed or given another meaning; `v` counts what could not be kept compatible.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from ingest.events import click_id
from streams.extension import Click
from streams.views import structs, view
from warehouse.columns import Coded, Columns

SCHEMA_VERSION = 1


class EnrichedClick(Click, frozen=True, gc=False):
    """A row of `events`: the click, what it counts as, and where its record stands in `clicks.raw`.

    (`topic_id`, `kafka_partition`, `kafka_offset`) is unique in `events`. In the topic it may come more than once.
    """

    click_id: str = ""
    """UUIDv7 of `ts`, `src` and `seq`."""
    topic_id: str = ""
    """Id that Kafka gave `clicks.raw` when it was made."""
    kafka_partition: int = 0
    """Partition of `clicks.raw`."""
    kafka_offset: int = 0
    """Offset in that partition."""
    append_time: int = 0
    """When Kafka appended the raw record, Unix milliseconds."""
    kind: str = ""
    """What happened at the redirector: click, orphan, expired, disabled; heartbeat, close, unknown are not sent."""
    outcome: str = ""
    """What it counts as: human and suspect are clicks; bot, prefetch, repeat, duplicate, orphan, expired, disabled."""
    verdict: str = ""
    """Class of the strongest reason: human, suspect, bot, prefetch; none: nothing to judge."""
    score: int = 0
    """How sure the rules are that this was no person, 0 to 100."""
    reasons: tuple[str, ...] = ()
    """Every reason that fired; one of one's own begins with `own:`."""
    rules_version: str = ""
    """Version of the rules that judged and named the channel."""
    v: int = SCHEMA_VERSION
    """Schema version."""


encode = msgspec.json.Encoder().encode
"""EnrichedClick → bytes."""

decode = msgspec.json.Decoder(EnrichedClick).decode
"""bytes → EnrichedClick; raises `msgspec.DecodeError`, or its subclass `ValidationError`, which names the field."""


def enriched_clicks(rows: Columns) -> Iterator[EnrichedClick]:
    """The rows that the chain made as enriched clicks, in their order."""
    shown = view({"extra": Coded.constant((), len(rows["kind"])), **rows}, EnrichedClick.__struct_fields__)
    times, sources, numbers = (np.asarray(rows[name]).tolist() for name in ("ts", "src", "seq"))
    shown["click_id"] = list(map(click_id, times, sources, numbers))
    return structs(shown, EnrichedClick)
