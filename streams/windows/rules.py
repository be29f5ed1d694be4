"""What the windows go by: settings of the worker, and the thresholds of `bots.toml`."""

import dataclasses
import tomllib
from pathlib import Path

from streams.judge.networks import watched_systems
from streams.settings import StreamSettings
from streams.windows.hold import HoldLimit

RULES = Path(__file__).parents[1] / "bots.toml"
LATE_MS = 30_000
"""How much later than its neighbours a click may come into the log and still be compared with them."""


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """What no person does; `[windows]` of `bots.toml`."""

    burst_ms: int
    burst_links_of_mail: int
    """Distinct links of one mail to one recipient within `burst_ms`."""
    burst_links_of_address: int
    """Distinct links from one address within `burst_ms`, where no recipient is known."""
    burst_links_of_network: int
    """Distinct links from one network of a watched autonomous system within `burst_ms`, whoever follows them."""
    trap_ms: int
    """How far around a click on a hidden link others are taken for the same program's."""
    rate: int
    """Clicks of one address within one second of the clock that a person behind it may still make."""


def thresholds(rules: Path = RULES) -> Thresholds:
    """The thresholds of a rules file."""
    return Thresholds(**tomllib.loads(rules.read_text(encoding="utf-8"))["windows"])


@dataclasses.dataclass(frozen=True)
class WindowRules:
    """All that decides what a click's neighbours make of it; a part of the rules' version."""

    hold: HoldLimit = dataclasses.field(default_factory=HoldLimit)
    repeat_ms: int = 10_000
    """How long after a counted click the same visitor on the same link is a repeat; 0: never."""
    clicks: int = 24_000
    """How many offsets a window looks back at the most."""
    thresholds: Thresholds = dataclasses.field(default_factory=thresholds)
    watched: frozenset[int] = dataclasses.field(default_factory=watched_systems, repr=False)
    """Autonomous systems whose networks are watched for bursts."""

    @classmethod
    def of(cls, settings: StreamSettings) -> "WindowRules":
        """As the settings have them."""
        return cls(settings.hold_limit, round(settings.repeat_window * 1000), settings.window_clicks)

    @property
    def span_ms(self) -> int:
        """How far a window looks back at the most, by the log's clock."""
        return max(self.repeat_ms, self.marks_ms) + LATE_MS

    @property
    def marks_ms(self) -> int:
        """The longest span of the rules that mark programs."""
        return max(self.thresholds.burst_ms, self.thresholds.trap_ms, 1000)
