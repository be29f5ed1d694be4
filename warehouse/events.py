"""The row: what is stored of every record of `clicks.raw`, and the closed sets that its columns draw from.

Names, types and meanings of the columns are in `migrations/0001_events.sql`, where ClickHouse shows them to analysts
as well; a test holds `COLUMNS` against the table.
"""

import enum


class Verdict(enum.StrEnum):
    """What the rules make of who clicked."""

    NONE = "none"
    """Nothing to judge: a heartbeat, an orphan, an undecodable record."""
    HUMAN = "human"
    SUSPECT = "suspect"
    BOT = "bot"
    PREFETCH = "prefetch"


class Outcome(enum.StrEnum):
    """What a record counts as; every offset has exactly one, the first that holds in this order."""

    DEAD = "dead"
    """Not decodable; its payload is in `dead_letters`."""
    SOURCE = "source"
    """A redirector's heartbeat or close."""
    DUPLICATE = "duplicate"
    """The same click id stands in the ledger already."""
    ORPHAN = "orphan"
    EXPIRED = "expired"
    DISABLED = "disabled"
    BOT = "bot"
    PREFETCH = "prefetch"
    REPEAT = "repeat"
    """The same visitor on the same link again within the window."""
    SUSPECT = "suspect"
    HUMAN = "human"


COUNTED = (Outcome.SUSPECT, Outcome.HUMAN)
"""The outcomes that are clicks by default."""

LEDGER_COLUMNS = (
    "topic_id",
    "kafka_partition",
    "kafka_offset",
    "edition",
    "append_time",
    "batch_time",
    "fence",
)
"""Where the record stands in the log; filled by the writer."""

JUDGED_COLUMNS = ("kind", "outcome", "verdict", "score", "reasons", "rules_version")
"""What it is; filled by the judge."""

RAW_COLUMNS = (
    *("src", "seq", "mark", "resent", "ts"),
    *("domain", "path", "status", "link_id", "link_version", "variant", "destination"),
    *("network", "address_id", "visitor_id", "salt_day", "salt_local", "opted_out"),
    *("user_agent", "hints", "referrer", "accept_language", "purpose", "query"),
    *("position", "position_of", "slot"),
    *("message_id", "recipient_id", "sent_at", "asked_channel", "qr", "trap"),
)
"""What the redirector said; copied from the raw click."""

ENRICHED_COLUMNS = (
    *("device", "device_brand", "browser", "browser_version", "os", "os_version"),
    *("country", "region", "city", "asn", "as_name"),
    *("referrer_host", "referrer_domain", "referrer_source"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
    *("utm_source_raw", "utm_medium_raw", "utm_campaign_raw", "utm_term_raw", "utm_content_raw"),
    *("ad_click", "channel", "placement", "language", "extra"),
)
"""What the stream added; each is named by the one enricher that makes it."""

COLUMNS = LEDGER_COLUMNS + JUDGED_COLUMNS + RAW_COLUMNS + ENRICHED_COLUMNS
