"""The oracle: what every record of a log has to count as, worked out from the whole log as the rules are written down.

Slow and plain on purpose, and without a line of the code that it judges.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import accumulate

LATE_MS = 30_000
MEMORY_MS = 3 * 3_600_000


@dataclasses.dataclass(frozen=True)
class Seen:
    """One record of the log, as far as it matters."""

    appended: int
    size: int
    kind: str = "click"
    """`click`, `orphan`, `heartbeat`; `dead` can't be decoded."""
    ts: int = 0
    seq: int = 0
    resent: bool = False
    visitor: int = 0
    address: int = 0
    network: str = ""
    server: bool = False
    """The network is a hosting firm's."""
    link: int = 0
    message: str = ""
    recipient: str = ""
    trap: bool = False
    program: bool = False
    """The user agent is a program's."""


@dataclasses.dataclass(frozen=True)
class Rules:
    """The rules of the windows."""

    hold_ms: int
    hold_bytes: int
    repeat_ms: int
    clicks: int
    burst_ms: int
    mail_links: int
    address_links: int
    network_links: int
    trap_ms: int
    rate: int
    keep_sources: int
    keep_networks: int
    keep_pairs: int


COUNTED = ("suspect", "human")

Judged = tuple[str, frozenset[str]]
"""Outcome, and the reasons that the windows give."""


class Oracle:
    """Judges a log. `last_seen` has, of clicks that the clock on the wall closed, the last record read by then."""

    def __init__(self, log: Sequence[Seen], rules: Rules, last_seen: Mapping[int, int]) -> None:
        self._log, self._rules, self._last_seen = log, rules, last_seen
        self._clocks = list(accumulate((one.appended for one in log), max))
        self._starts = list(accumulate((one.size for one in log), initial=0))
        self._duplicates = self._find_duplicates()
        self._marks = self._find_marks()

    def judged(self) -> list[Judged]:
        """All records."""
        found: list[Judged] = []
        for place, one in enumerate(self._log):
            reasons = frozenset(self._marks[place])
            outcome = self._first_outcome(place, one, program=one.program or bool(reasons - {"network_burst"}))
            if outcome in COUNTED and self._repeats(place, [before for before, _ in found]):
                outcome = "repeat"
            found.append((outcome, reasons if one.kind == "click" else frozenset()))
        return found

    def _first_outcome(self, place: int, one: Seen, *, program: bool) -> str:
        if one.kind == "dead":
            return "dead"
        if one.kind == "heartbeat":
            return "source"
        if place in self._duplicates:
            return "duplicate"
        if one.kind == "orphan":
            return "orphan"
        return "bot" if program else "suspect" if one.server else "human"

    def _find_duplicates(self) -> set[int]:
        found = set()
        for place, one in enumerate(self._log):
            if one.kind == "dead":
                continue
            alike = [at for at in range(place) if self._log[at].seq == one.seq and self._log[at].kind != "dead"]
            copies = [at for at in alike if self._log[at].resent]
            late = bool(copies) and self._clocks[place] - self._log[copies[-1]].appended <= MEMORY_MS
            if late or (one.resent and alike):
                found.add(place)
        return found

    def _compared(self, place: int) -> bool:
        return self._log[place].kind == "click" and place not in self._duplicates

    def _earlier(self, place: int, span: int) -> list[int]:
        """The clicks before one that it can see."""
        return [
            at
            for at in range(max(0, place - self._rules.clicks), place)
            if self._compared(at) and self._clocks[place] - self._clocks[at] <= span + LATE_MS
        ]

    def _marks_span(self) -> int:
        return max(self._rules.burst_ms, self._rules.trap_ms, 1000)

    def _source(self, place: int) -> tuple[str, ...]:
        one = self._log[place]
        if one.recipient:
            return ("mail", one.message, one.recipient)
        return ("address", one.message, str(one.address)) if one.address else ("nobody", str(place))

    def _find_marks(self) -> list[set[str]]:
        marks: list[set[str]] = [set() for _ in self._log]
        for place in range(len(self._log)):
            if self._compared(place):
                for name, others in self._evidence(place):
                    marks[place].add(name)
                    for other in others:
                        if self._in_hold(other, place):
                            marks[other].add(name)
        return marks

    def _in_hold(self, place: int, later: int) -> bool:
        return (
            self._clocks[later] - self._clocks[place] < self._rules.hold_ms
            and self._starts[later] - self._starts[place] < self._rules.hold_bytes
            and later <= self._last_seen.get(place, later)
        )

    def _evidence(self, place: int) -> list[tuple[str, list[int]]]:
        """What a click completes, and with which earlier ones."""
        rules, one, found = self._rules, self._log[place], []
        earlier = self._earlier(place, self._marks_span())
        same = [at for at in earlier if self._source(at) == self._source(place)][-rules.keep_sources :]
        near = [at for at in same if abs(self._log[at].ts - one.ts) < rules.burst_ms]
        enough = rules.mail_links if one.recipient else rules.address_links
        if self._links(place, *near) >= enough:
            found.append(("burst", near))
        alike = [at for at in earlier if one.server and self._log[at].network == one.network][-rules.keep_networks :]
        nigh = [at for at in alike if abs(self._log[at].ts - one.ts) < rules.burst_ms]
        if self._links(place, *nigh) >= rules.network_links:
            found.append(("network_burst", nigh))
        around = [at for at in same if abs(self._log[at].ts - one.ts) < rules.trap_ms]
        if one.trap:
            found.append(("trap", around))
        elif any(self._log[at].trap for at in around):
            found.append(("trap", []))
        second = [at for at in earlier if one.address and self._second(at) == self._second(place)][-rules.rate :]
        if len(second) >= rules.rate:
            found.append(("rate", second))
        return found

    def _links(self, *places: int) -> int:
        return len({self._log[at].link for at in places})

    def _second(self, place: int) -> tuple[int, int]:
        return self._log[place].address, self._log[place].ts // 1000

    def _repeats(self, place: int, outcomes: Sequence[str]) -> bool:
        one = self._log[place]
        opened = [
            at
            for at in self._earlier(place, self._rules.repeat_ms)
            if outcomes[at] in COUNTED and self._log[at].visitor == one.visitor and self._log[at].link == one.link
        ][-self._rules.keep_pairs :]
        return bool(one.visitor) and any(abs(self._log[at].ts - one.ts) < self._rules.repeat_ms for at in opened)
