"""The dimensions: what an answer can be broken down by and filtered on, each name with its SQL over `events`.

This table is the only way by which a name that a user sends becomes SQL; a name that is not in it is refused.
`{zone:String}` is bound to the query's time zone. An empty text or a number 0 means *unknown* or *not given*.
"""

import dataclasses
import enum
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ingest.events import Kind as EventKind
from warehouse.events import Outcome, Verdict


class Shape(enum.Enum):
    """What the values of a dimension are, which says how they are compared and shown."""

    TEXT = "text"
    CHOICE = "one of a closed set"
    NUMBER = "whole number"
    LINK = "link id, 16 hexadecimal digits"
    DATE = "date, the first of its bucket, ISO 8601"
    MOMENT = "start of its bucket, ISO 8601 with the zone's offset"


@dataclasses.dataclass(frozen=True)
class Dimension:
    """One dimension: its public name, its SQL, what its values are and what they mean."""

    name: str
    sql: str
    help: str
    shape: Shape = Shape.TEXT
    choices: tuple[str, ...] = ()
    absent: str | int = ""
    """The value that says that there is none."""
    column: str = ""
    """The column of `events` that its SQL reads; empty: the one of its SQL."""

    @property
    def is_time(self) -> bool:
        """Whether it is a bucket of time: those can't be filtered on."""
        return self.shape in {Shape.DATE, Shape.MOMENT}

    def show(self, value: object, zone: ZoneInfo) -> str | int:
        """A value as ClickHouse gives it → as JSON shows it."""
        if isinstance(value, date):
            return value.isoformat()
        if not isinstance(value, int):
            return str(value)
        if self.shape is Shape.MOMENT:
            return datetime.fromtimestamp(value, UTC).astimezone(zone).isoformat()
        return f"{value:016x}" if self.shape is Shape.LINK else value

    def text(self, shown: str | int) -> str:
        """A value as JSON shows it → what ClickHouse's `toString` makes of it."""
        if self.shape is Shape.MOMENT:
            return str(int(datetime.fromisoformat(str(shown)).timestamp()))
        return str(int(str(shown), 16)) if self.shape is Shape.LINK else str(shown)


def _text(name: str, help_: str, sql: str = "") -> Dimension:
    return Dimension(name, sql or name, help_)


def _choice(name: str, help_: str, choices: tuple[str, ...], absent: str = "") -> Dimension:
    return Dimension(name, f"toString({name})", help_, Shape.CHOICE, choices, absent, column=name)


def _number(name: str, help_: str) -> Dimension:
    return Dimension(name, name, help_, Shape.NUMBER, absent=0)


def _of_link(name: str, help_: str, attribute: str = "") -> Dimension:
    sql = f"dictGetOrDefault('links_dict', '{attribute or name}', link_id, '')"
    return Dimension(name, sql, help_, column="link_id")


def _time(name: str, help_: str, sql: str, shape: Shape = Shape.DATE) -> Dimension:
    return Dimension(f"time:{name}", sql, help_, shape, column="ts")


DEVICES = ("other", "desktop", "mobile", "tablet", "tv", "console", "wearable", "car")
PLACEMENTS = ("unknown", "1st 20%", "2nd 20%", "3rd 20%", "4th 20%", "5th 20%")
KINDS = (*(kind.value for kind in EventKind), "unknown")

_DAY = "toDate(ts, {zone:String})"
_SECONDS = "toUnixTimestamp(ts)"
_LOCAL_SECONDS = f"({_SECONDS} + timezoneOffset(toTimeZone(ts, {{zone:String}})))"
# Not toStartOfHour(): it is wrong where a zone shifts by half an hour (Lord Howe Island).
_HOUR = f"{_SECONDS} - positiveModulo({_LOCAL_SECONDS}, 3600)"

_TABLE = (
    _time("minute", "Minute.", f"{_SECONDS} - {_SECONDS} % 60", Shape.MOMENT),
    _time("hour", "Hour; the two hours of one name at the end of summer time are two buckets.", _HOUR, Shape.MOMENT),
    _time("day", "Day.", _DAY),
    _time("week", "ISO week: its Monday.", f"toMonday({_DAY})"),
    _time("month", "Month: its first day.", f"toStartOfMonth({_DAY})"),
    _time("year", "Year: its first day.", f"toStartOfYear({_DAY})"),
    _text("channel", "One of the 20 channels, decided in the stream."),
    _choice("device", "Class of the device.", DEVICES, "other"),
    _text("device_brand", "Maker of the device."),
    _text("browser", "Browser family."),
    _text("browser_version", "Version of the browser, major and minor."),
    _text("os", "Operating system family."),
    _text("os_version", "Version of the operating system, major and minor."),
    _text("country", "Country, ISO 3166-1 alpha-2."),
    _text("region", "First subdivision of the country, English name."),
    _text("city", "City, English name."),
    _number("asn", "Number of the autonomous system of the network."),
    _text("as_name", "Organisation of the autonomous system."),
    _text("language", "First language that the client accepts, as `en` or `pt-br`."),
    _number("position", "1-based position of the link on its page or in its mail."),
    _number("position_of", "How many positions that page or mail has."),
    _text("slot", "Named place of the link, as `hero`."),
    _choice("placement", "Fifth of the page or mail in which the position lies.", PLACEMENTS, "unknown"),
    _text("message", "Message that held the link (`w_msg`).", "message_id"),
    _text("source", "Name of the referring site, as `Google`.", "referrer_source"),
    _text("referrer", "Host of the referrer, without `www.`.", "referrer_host"),
    _text("referrer_domain", "Registrable domain of the referrer."),
    _text("utm_source", "Canonical utm_source."),
    _text("utm_medium", "Canonical utm_medium."),
    _text("utm_campaign", "Canonical utm_campaign."),
    _text("utm_term", "Canonical utm_term."),
    _text("utm_content", "Canonical utm_content."),
    _text("ad_click", "Name of the advertiser's click-id parameter, as `gclid`."),
    _number("qr", "1: a scan of a QR code."),
    Dimension("link", "link_id", "The link.", Shape.LINK, absent=0),
    _of_link("slug", "Slug of the link."),
    _of_link("title", "Title of the link."),
    _of_link("campaign", "Campaign of the link, as its owner named it."),
    _number("link_version", "Version of the link that answered."),
    _text("variant", "A/B variant that was chosen."),
    _text("domain", "Host that was asked."),
    _text("path", "Path that was asked, as spelled."),
    _number("status", "HTTP status of the answer."),
    _text("destination", "Where the visitor was sent."),
    _choice("kind", "What happened at the redirector.", KINDS),
    _choice("outcome", "What the record counts as.", tuple(Outcome)),
    _choice("verdict", "What the rules make of who clicked.", tuple(Verdict), Verdict.NONE),
    _text("rules_version", "Version of the rules that judged it."),
)

DIMENSIONS = {dimension.name: dimension for dimension in _TABLE}
"""Public name → dimension, in the order in which the docs show them."""
