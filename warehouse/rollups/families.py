"""The families: each is one rollup table, `events` projected on some columns with a count, and a book of its own.

A new family is a migration with its table, and a line here. It fills itself from history.
"""

import dataclasses
import enum

QUARTER, HOUR, DAY = 900, 3600, 86_400

PRECISION = 14
"""Of `uniqCombined64` wherever visitors are counted, in rollups and raw alike: states of two precisions don't merge."""

FAMILY_KEYS = ("domain",)
OUTCOME_KEYS = ("kind", "verdict", "outcome")
"""What every family can be broken down by, beside its own dimensions."""


class UnitKind(enum.Enum):
    """What is sealed as a whole."""

    HOUR = "hour"
    """An hour of UTC."""
    DAY = "day"
    """A day of the installation's time zone: from its first instant to the next day's."""


@dataclasses.dataclass(frozen=True)
class Family:
    """One rollup table.

    Its columns are `seal`, `ts` (the start of the row's grain), `keys`, `n` (how many events), and with visitors also
    `visitors` (states of `uniqCombined64(PRECISION)` of (salt_day, visitor_id) of counted clicks with a visitor) and
    `visitor_clicks` (how many such clicks).
    """

    name: str
    dimensions: tuple[str, ...]
    """Columns of `events` that it has of its own."""
    grain: int
    """Seconds of time in a row; `DAY`: one of the installation's zone, which may have more or less."""
    visitors: bool = False

    @property
    def table(self) -> str:
        """Its table."""
        return f"rollup_{self.name}"

    @property
    def unit(self) -> UnitKind:
        """What of it is sealed as a whole."""
        return UnitKind.DAY if self.grain == DAY else UnitKind.HOUR

    @property
    def keys(self) -> tuple[str, ...]:
        """All columns that it can be broken down by and filtered on; named and typed as in `events`."""
        return (*FAMILY_KEYS, *self.dimensions, *OUTCOME_KEYS)


_CHANNELS = ("channel", "referrer_source", "utm_source", "utm_medium", "utm_campaign")
_GEO = ("country", "region")
_DEVICES = ("device", "os", "browser")
_POSITIONS = ("position", "slot", "placement", "variant")

_TABLE = (
    Family("channels", _CHANNELS, QUARTER),  # a quarter of an hour: every zone's hours and days are made of them
    Family("geo", _GEO, QUARTER),
    Family("devices", _DEVICES, QUARTER),
    Family("positions", _POSITIONS, QUARTER),
    Family("links", ("link_id",), HOUR),
    Family("day_channels", _CHANNELS, DAY, visitors=True),
    Family("day_geo", _GEO, DAY, visitors=True),
    Family("day_devices", _DEVICES, DAY, visitors=True),
    Family("day_positions", _POSITIONS, DAY, visitors=True),
    # Without visitors: most of their rows have a handful, and a state for each would be half of all rollups.
    Family("day_cube", ("channel", "device", "country", "placement"), DAY),
    Family("day_links", ("link_id",), DAY),
)

FAMILIES = {family.name: family for family in _TABLE}
"""Name → family, the finer ones first."""
