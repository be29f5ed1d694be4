"""The columns of raw clicks: those of the view `v_events`, each with its SQL over a row `e` of `events`.

This table is the only way by which a column's name that a user sends becomes SQL.
"""

import dataclasses
import enum

from api.formats.choose import CSV, Format
from api.formats.table import RISKY


class Holds(enum.Enum):
    """What a column holds, which says how it stands in a cell of CSV."""

    TEXT = "text"
    LIST = "a list of texts: joined by | in CSV"
    FIELDS = "texts by name: a JSON object in CSV"
    OTHER = "a number, a moment, a truth value or an id"


@dataclasses.dataclass(frozen=True)
class RawColumn:
    """A column's public name, its SQL and what it holds."""

    name: str
    sql: str
    holds: Holds = Holds.TEXT

    def select(self, format_: Format) -> str:
        """What stands in the SELECT for it. In CSV no text begins a formula (as `safe_cell` sees to elsewhere)."""
        if format_ is not CSV or self.holds is Holds.OTHER:
            return f"{self.sql} AS `{self.name}`"
        cell = {Holds.LIST: f"arrayStringConcat({self.sql}, '|')", Holds.FIELDS: f"toJSONString({self.sql})"}
        text = cell.get(self.holds, self.sql)
        return f"if(substring({text}, 1, 1) IN ({_RISKY}), concat('\\'', {text}), {text}) AS `{self.name}`"


_RISKY = ", ".join(f"char({ord(character)})" for character in RISKY)


def _same(*names: str, holds: Holds = Holds.TEXT) -> tuple[RawColumn, ...]:
    return tuple(RawColumn(name, f"e.{name}", holds) for name in names)


def _choice(name: str) -> RawColumn:
    return RawColumn(name, f"toString(e.{name})")


def _truth(name: str) -> RawColumn:
    return RawColumn(name, f"CAST(e.{name}, 'Bool')", Holds.OTHER)


def _of_link(name: str) -> RawColumn:
    return RawColumn(name, f"dictGetOrDefault('links_dict', '{name}', e.link_id, '')")


_TABLE = (
    RawColumn("time", "e.ts", Holds.OTHER),
    *_same("click_id", holds=Holds.OTHER),
    *(_choice(name) for name in ("kind", "outcome", "verdict")),
    *_same("score", holds=Holds.OTHER),
    *_same("reasons", holds=Holds.LIST),
    *_same("rules_version", "channel", "domain", "path"),
    *_same("status", holds=Holds.OTHER),
    RawColumn("link_id", "lower(leftPad(hex(e.link_id), 16, '0'))"),
    *(_of_link(name) for name in ("slug", "title", "campaign")),
    RawColumn("tags", "dictGetOrDefault('links_dict', 'tags', e.link_id, CAST([], 'Array(String)'))", Holds.LIST),
    *_same("link_version", holds=Holds.OTHER),
    *_same("variant", "destination"),
    # As text: a number of 64 bits is another one after a JSON parser has read it.
    RawColumn("visitor_id", "if(e.visitor_id = 0, '', lower(leftPad(hex(e.visitor_id), 16, '0')))"),
    *_same("salt_day", holds=Holds.OTHER),
    *_same("network"),
    _truth("opted_out"),
    _choice("device"),
    *_same("device_brand", "browser", "browser_version", "os", "os_version", "language", "user_agent"),
    *_same("country", "region", "city"),
    *_same("asn", holds=Holds.OTHER),
    *_same("as_name", "referrer", "referrer_host", "referrer_domain", "referrer_source"),
    *_same("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "ad_click", "query"),
    *_same("position", "position_of", holds=Holds.OTHER),
    *_same("slot"),
    _choice("placement"),
    *_same("message_id", "recipient_id"),
    *_same("sent_at", holds=Holds.OTHER),
    _truth("qr"),
    _truth("trap"),
    *_same("extra", holds=Holds.FIELDS),
    *_same("kafka_partition", "kafka_offset", "append_time", holds=Holds.OTHER),
)

RAW_COLUMNS = {column.name: column for column in _TABLE}
"""Public name → column, in the order in which they are sent."""
