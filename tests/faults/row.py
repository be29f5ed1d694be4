"""A row of the table of faults: what is set up, what is injected, what may happen meanwhile."""

import dataclasses
import enum
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tests.faults.driver import Traffic

if TYPE_CHECKING:
    from tests.faults.stage import Stage


PLAIN = Traffic()


class Part(enum.Enum):
    """The two servers that a worker talks to, and what a redirector keeps."""

    KAFKA = enum.auto()
    CLICKHOUSE = enum.auto()
    SPOOL = enum.auto()


@dataclasses.dataclass(frozen=True)
class Row:
    """One fault. Its docstring, the function's, says what is injected and why it must survive."""

    name: str
    """Number in the table of `docs/faults.md`; with a word after it where one number needs several stages."""
    inject: Callable[["Stage"], None]
    """Does the harm, and leaves everything as it should be again; raises `Missed` where that did not go as it must."""
    cases: tuple[str, ...] = ("",)
    """Ways of doing it; the seed takes them in turn."""
    workers: int = 1
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Settings of the workers, lower-case, without `WEIR_`."""
    traffic: Traffic = PLAIN
    through_proxy: frozenset[Part] = frozenset()
    """What the first worker reaches through a proxy only."""
    redirectors: int = 0
    """Clicks come over HTTP, by so many real redirectors, which reach Kafka through a proxy; 0: straight to Kafka."""
    edge: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Settings of the redirectors, as those of the workers."""
    rollers: int = 0
    """So many rollers, whose clock runs ahead, so that every hour has ended; answers are watched all the while."""
    strangers: int = 0
    """Connections beside the clicks' that a redirector may hold."""
    clocks: bool = False
    """The redirectors' clocks can be set."""
    small_disk: Part | None = None
    """Whose data lie on a disk that can be filled; Kafka's broker is then one of this run's own."""
    clock: bool = False
    """Kafka's clock can be set: records bring the time that it would have put on them."""
    commits_may_lead: bool = False
    """Rows vanish, or offsets are set: a commit may be ahead of what is stored until it is read again."""

    @property
    def number(self) -> int:
        """As in the table."""
        return int(self.name.partition("-")[0])

    @property
    def text(self) -> str:
        """What is injected, and why it must survive."""
        return inspect.getdoc(self.inject) or ""
