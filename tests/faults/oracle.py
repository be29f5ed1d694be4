"""The oracle: what was promised against what is counted, after everything has recovered.

`look` gathers the facts from Kafka and ClickHouse; `misses` judges them, in words. No miss means that every
acknowledged click counts once, nothing was invented, the ledger has no gap and no double, the poison and only it
is in the dead letters, no commit ran ahead, and memory stayed bounded.
"""

import contextlib
import dataclasses
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from tests.faults.driver import ClickKey, Place
from tests.faults.stage import Damage, Stage
from warehouse.audit.findings import Audit, State
from warehouse.client import connect

COUNTED = ("human", "suspect")
REPEAT = "repeat"
REPEAT_MS = 10_000
"""The workers' `WEIR_REPEAT_WINDOW`, the default."""
FRESH_SECONDS = 10.0
"""Seconds until a fresh click is visible, on a machine that is busy with other things."""
WORKER_BYTES = 400_000_000
"""Anonymous memory of a worker."""
REDIRECTOR_BYTES = 200_000_000
"""The same of a redirector, which keeps what waits for Kafka in files."""
OPEN_FILES = 300
"""Descriptors of a process."""

OUTCOMES = """
SELECT src, seq, toString(outcome), count() FROM events
WHERE kind = 'click' AND edition = 0 GROUP BY src, seq, outcome
"""
WHOLE = Damage((), is_open=False)
SEEN_MS = REPEAT_MS + 30_000
"""How far back by the log's clock a click is compared at all."""
VISITS = """
SELECT toString(topic_id), visitor_id, link_id, toUnixTimestamp64Milli(ts), clock, outcome = 'repeat', src, seq
FROM (SELECT *, max(toUnixTimestamp64Milli(append_time)) OVER
          (PARTITION BY topic_id, kafka_partition ORDER BY kafka_offset) AS clock
      FROM events WHERE edition = 0)
WHERE kind = 'click' AND visitor_id != 0 AND outcome IN ('human', 'suspect', 'repeat')
ORDER BY topic_id, kafka_partition, kafka_offset
"""
DEAD = "SELECT kafka_partition, kafka_offset FROM events WHERE outcome = 'dead' AND edition = 0"
LETTERS = "SELECT kafka_partition, kafka_offset FROM dead_letters FINAL"


class Visit(NamedTuple):
    """A visitor's click on a link, not a copy."""

    topic: str
    """A topic that is made again is a ledger of its own: no window of the old one is open in it."""
    visitor: int
    link: int
    ts: int
    """Unix milliseconds."""
    clock: int
    """The log's clock: the latest time of Kafka's so far."""
    repeat: bool
    """It does not count, because it came soon after one that does."""
    src: int
    seq: int


@dataclasses.dataclass(frozen=True)
class Facts:
    """Everything that is judged."""

    promised: Mapping[ClickKey, int | None]
    """Acknowledged clicks, and how many flagged copies of each; None: nobody knows."""
    uncertain: Collection[ClickKey]
    """Those of which one copy may be all that there is."""
    unheard: Collection[ClickKey]
    """Clicks that were not promised and may be there: nobody heard an answer."""
    rows: Mapping[ClickKey, Mapping[str, int]]
    """Rows of clicks, by outcome."""
    visits: Sequence[Visit]
    """In the order of the log."""
    poison: Collection[Place]
    dead: Counter[Place]
    """Rows with outcome `dead`."""
    letters: Counter[Place]
    audit: Audit
    damage: Mapping[int, Damage]
    """What was done to the spools of dead redirectors, by their start ids."""
    ahead: Mapping[int, tuple[int, int]]
    """Partitions whose commit was seen beyond what is stored: (committed, stored)."""
    most_bytes: int
    most_bytes_at_edge: int
    most_files: int
    fresh_seconds: float


def look(stage: Stage, fresh_seconds: float) -> Facts:
    """Gather the facts; everything must be counted and quiet."""
    ahead = dict(stage.commits.ahead(stage.topic_id()))
    if not stage.row.commits_may_lead:
        ahead |= stage.watcher.ahead
    with contextlib.closing(connect(stage.warehouse)) as client:
        rows: dict[ClickKey, dict[str, int]] = {}
        for src, seq, outcome, count in client.query(OUTCOMES).result_rows:
            rows.setdefault((src, seq), {})[outcome] = count
        return Facts(
            promised=stage.driver.acknowledged,
            uncertain=stage.driver.uncertain,
            unheard=stage.driver.unheard(client),
            rows=rows,
            visits=[Visit(*row) for row in client.query(VISITS).result_rows],
            poison=stage.driver.poison,
            dead=Counter(map(tuple, client.query(DEAD).result_rows)),
            letters=Counter(map(tuple, client.query(LETTERS).result_rows)),
            audit=stage.audit(),
            damage=stage.damage,
            ahead=ahead,
            most_bytes=stage.watcher.most_bytes,
            most_bytes_at_edge=stage.watcher.most_bytes_at_edge,
            most_files=stage.watcher.most_files - stage.row.strangers,
            fresh_seconds=fresh_seconds,
        )


def misses(facts: Facts) -> list[str]:
    """Everything that is wrong, a sentence each."""
    return [
        *_clicks(facts),
        *_visits(facts.visits),
        *_ledger(facts.audit),
        *_sources(facts),
        *_letters(facts),
        *_running(facts),
    ]


def _clicks(facts: Facts) -> Iterator[str]:
    counted = {key: sum(rows.get(outcome, 0) for outcome in (*COUNTED, REPEAT)) for key, rows in facts.rows.items()}
    yield from _some("acknowledged clicks are not counted", [key for key in facts.promised if not counted.get(key)])
    yield from _some("clicks count more than once", [key for key, count in counted.items() if count > 1])
    # A record without a readable `src` and `seq` stands under (0, 0), as a dead row.
    sent = facts.promised.keys() | facts.unheard
    invented = [key for key, rows in facts.rows.items() if key not in sent and set(rows) != {"dead"}]
    yield from _some("clicks are stored that nobody sent", invented)
    copies = [
        key
        for key, count in facts.promised.items()
        if count is not None
        and count - facts.rows.get(key, {}).get("duplicate", 0) not in ((0, 1) if key in facts.uncertain else (0,))
    ]
    yield from _some("clicks have another number of duplicates than of copies", copies)


def _visits(visits: Sequence[Visit]) -> Iterator[str]:
    """A click repeats if an earlier one that counts, of its visitor on its link, is less than the window away.

    One from which it is further away in the log, by Kafka's clock, is not seen.
    """
    opened: defaultdict[tuple[str, int, int], list[tuple[int, int]]] = defaultdict(list)
    wrong = []
    for visit in visits:
        windows = opened[visit.topic, visit.visitor, visit.link]
        repeats = any(abs(visit.ts - ts) < REPEAT_MS and visit.clock - clock <= SEEN_MS for ts, clock in windows)
        if repeats != visit.repeat:
            wrong.append((visit.src, visit.seq))
        if not visit.repeat:
            windows.append((visit.ts, visit.clock))
    yield from _some("clicks are taken for repeats, or not, against the rule", wrong)


def _ledger(audit: Audit) -> Iterator[str]:
    for part in audit.partitions:
        if not part.adds_up or part.behind:
            yield (
                f"partition {part.partition} does not add up: {part.missing} missing, {part.doubled} doubled,"
                f" {part.beyond} beyond the log, {part.behind} behind"
            )


def _sources(facts: Facts) -> Iterator[str]:
    """Each is closed and whole, but for what was taken from its spool: exactly that is named."""
    for source in facts.audit.sources:
        damage = facts.damage.get(source.src, WHOLE)
        named = {seq for gap in source.gaps for seq in range(gap.first, gap.last + 1)}
        lost = {seq for seq in damage.lost if (source.src, seq) not in facts.rows}
        if named != lost or source.state is not (State.OPEN if damage.is_open else State.CLOSED):
            yield (
                f"source {source.src:010x} ({source.state}): {source.missing} of its numbers are missing,"
                f" {len(lost)} were taken from it, it said {source.mark}, stored up to {source.last}"
            )
    unknown = [f"{src:010x}" for src in facts.damage.keys() - {source.src for source in facts.audit.sources}]
    yield from _some("sources are not named whose spool was damaged", unknown)


def _letters(facts: Facts) -> Iterator[str]:
    poison = Counter(facts.poison)
    yield from _some("undecodable records without a row", list(poison - facts.dead))
    yield from _some("dead rows of nothing undecodable", list(facts.dead - poison))
    yield from _some("undecodable records without a letter", list(poison - facts.letters))
    yield from _some("letters of nothing undecodable", list(facts.letters - poison))


def _running(facts: Facts) -> Iterator[str]:
    for partition, (committed, stored) in facts.ahead.items():
        yield f"partition {partition}: offset {committed} was committed when only those below {stored} were stored"
    if facts.most_bytes > WORKER_BYTES:
        yield f"a worker had {facts.most_bytes / 1e6:.0f} MB of its own"
    if facts.most_bytes_at_edge > REDIRECTOR_BYTES:
        yield f"a redirector had {facts.most_bytes_at_edge / 1e6:.0f} MB of its own"
    if facts.most_files > OPEN_FILES:
        yield f"a process had {facts.most_files} open files"
    if facts.fresh_seconds > FRESH_SECONDS:
        yield f"a fresh click became visible after {facts.fresh_seconds:.1f} s"


def _some(what: str, found: Collection[object]) -> Iterator[str]:
    if found:
        yield f"{len(found)} {what}, such as {list(islice(found, 3))}"
