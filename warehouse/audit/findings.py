"""What an audit says: of each partition, each hour and each source, and whether it all adds up."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from warehouse.audit.mark import Mark

SILENT_SECONDS = 60


class Gap(NamedTuple):
    """Consecutive numbers without a row."""

    first: int
    last: int
    hour: int | None
    """When Kafka took the record before them (else the one after), to the hour, Unix seconds; None: not known."""


class Double(NamedTuple):
    """Consecutive numbers with more rows than one each."""

    first: int
    last: int
    rows: int
    """Rows of each."""
    hour: int | None


@dataclasses.dataclass(frozen=True)
class HourAudit:
    """What one partition has of one hour, by the time at which Kafka took the records."""

    partition: int
    hour: int
    """Its beginning, Unix seconds."""
    first: int
    last: int
    rows: int
    missing: int
    doubled: int
    outcomes: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class PartitionAudit:
    """One partition: the log on one side, the rows on the other."""

    partition: int
    log_first: int
    log_end: int
    rows: int = 0
    distinct: int = 0
    first: int = 0
    last: int = -1
    outcomes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    gaps: Sequence[Gap] = ()
    doubles: Sequence[Double] = ()
    proven: int = 0
    """Offsets below this one were proven by an earlier audit; this one compared their hours."""
    dropped: int = 0
    """Rows that retention dropped; the ledger begins behind them."""

    @property
    def expected(self) -> int:
        """How many offsets there are from the first that is stored, or that the log has, to the last that is stored."""
        return self.last - min(self.first, self.log_first) + 1 if self.rows else 0

    @property
    def missing(self) -> int:
        """Offsets below the last stored one that have no row."""
        return self.expected - self.distinct

    @property
    def doubled(self) -> int:
        """Rows beyond one an offset."""
        return self.rows - self.distinct

    @property
    def behind(self) -> int:
        """Offsets of the log above the last stored one: not counted yet."""
        return self.log_end - (self.last + 1 if self.rows else self.log_first)

    @property
    def beyond(self) -> int:
        """Stored offsets that the log never gave out: another log has this one's id."""
        return max(0, -self.behind)

    @property
    def adds_up(self) -> bool:
        """No offset is missing, doubled or invented, and every row counts as one thing."""
        return not (self.missing or self.doubled or self.beyond) and sum(self.outcomes.values()) == self.rows


class State(enum.StrEnum):
    """What can be said of a redirector process as a whole."""

    CLOSED = "closed"
    """It ended, and so many numbers it had given out: all of them must have a row."""
    OPEN = "open"
    """It runs, or it died and nobody has taken over its spool: what came after its last word is not proven."""
    TORN = "torn"
    """Its spool had lost its end when it was taken over: what came after its highest number is not proven."""


@dataclasses.dataclass(frozen=True)
class SourceAudit:
    """One redirector process: what was said of it against what is stored."""

    src: int
    mark: int
    """All its numbers up to this one were acknowledged by Kafka; 0: it never reported."""
    closed: bool
    """It was said that `mark` was its last, by itself or by who took over what it left."""
    last: int
    """Its highest number that has a row."""
    gaps: Sequence[Gap] = ()
    """Numbers that must have a row and have none."""
    doubles: Sequence[Double] = ()
    """Numbers that count more than once; copies that were told as such do not count."""
    heard: int | None = None
    """When Kafka took the last of its events, Unix seconds; None: not known, it is long ago."""

    @property
    def state(self) -> State:
        """Whether it is known how many numbers there are."""
        if not self.closed:
            return State.OPEN
        return State.TORN if self.last > self.mark else State.CLOSED

    @property
    def missing(self) -> int:
        """Numbers that must have a row and have none."""
        return sum(gap.last - gap.first + 1 for gap in self.gaps)

    @property
    def doubled(self) -> int:
        """Rows that count beyond one a number."""
        return sum((double.rows - 1) * (double.last - double.first + 1) for double in self.doubles)


@dataclasses.dataclass(frozen=True)
class Audit:
    """The whole ledger at one moment."""

    partitions: Sequence[PartitionAudit]
    sources: Sequence[SourceAudit]
    hours: Sequence[HourAudit] = ()
    """By partition, the earliest first."""
    mark: Mark | None = None
    """What this audit has proven, where everything adds up: the next one may begin there."""
    since: datetime | None = None
    """When the mark was taken that this audit began at; None: it read everything."""
    taken_at: datetime | None = None
    """When it had read the table."""
    read: int = 0
    """Rows that were read in full, for offsets and for sources; the rest is known by the hour."""

    @property
    def behind(self) -> int:
        """Records that are not counted yet."""
        return sum(max(0, partition.behind) for partition in self.partitions)

    @property
    def lost(self) -> int:
        """Numbers of redirectors that must have a row, since Kafka acknowledged them or the process has ended."""
        return sum(source.missing for source in self.sources)

    @property
    def unproven(self) -> Sequence[SourceAudit]:
        """Redirector processes of which it is not known how many numbers they gave out."""
        return [source for source in self.sources if source.state is not State.CLOSED]

    @property
    def silent(self) -> Sequence[SourceAudit]:
        """Those of them that were not heard of in the last minute: a living one says a word every few seconds."""
        since = self.taken_at.timestamp() - SILENT_SECONDS if self.taken_at else 0.0
        return [source for source in self.unproven if (source.heard or 0) < since]

    @property
    def recounted(self) -> int:
        """Rows of numbers that count more than once, beyond one each."""
        return sum(source.doubled for source in self.sources)

    @property
    def adds_up(self) -> bool:
        """Everything that was read was counted exactly once; while records are behind, a source's may be among them."""
        whole = all(partition.adds_up for partition in self.partitions)
        return whole and not self.recounted and (self.behind > 0 or not self.lost)
