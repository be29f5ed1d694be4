"""The law of the windows: what a click counts as is a function of the log, however it is cut, crashed and restored."""

import asyncio
import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.events import Kind, RawClick, encode
from streams.chain import Chain
from streams.dead_ratio import DeadRatio
from streams.enrich.geo import Geo
from streams.enrich.mmdb import Databases
from streams.judge.judge import Judge
from streams.maker import Maker
from streams.patience import Patience
from streams.windows import marks, repeats
from streams.windows.hold import RECORD_BYTES, HoldLimit
from streams.windows.rules import Thresholds, WindowRules
from tests.unit.streams.test_enrich_geo import write as write_database
from tests.unit.streams.test_partition import LogRecord
from tests.unit.streams.windows.oracle import Judged, Oracle, Rules, Seen
from tests.unit.streams.windows.rows import StoredRows
from warehouse.ledger import Partition

START = 1_790_000_000_000
KEEP_SOURCES, KEEP_NETWORKS, KEEP_PAIRS = 6, 5, 2
HOLD_BYTES = 11_000
RULES = WindowRules(
    hold=HoldLimit(3.0, HOLD_BYTES),
    repeat_ms=10_000,
    clicks=12,
    thresholds=Thresholds(
        burst_ms=3000, burst_links_of_mail=3, burst_links_of_address=4, burst_links_of_network=3, trap_ms=5000, rate=3
    ),
)
PLAIN = Rules(3000, HOLD_BYTES, 10_000, 12, 3000, 3, 4, 3, 5000, 3, KEEP_SOURCES, KEEP_NETWORKS, KEEP_PAIRS)
JUDGE = Judge("test", 100)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
PARTITION = Partition(UUID(int=7), 0)
OFFICE, SERVERS = "192.0.2.0/24", "198.51.100.0/24"
REASONS = frozenset({"burst", "trap", "rate", "network_burst"})
"""Those that the windows give."""


@dataclasses.dataclass(frozen=True)
class Sent:
    """A record to be: how long after the one before it, and what is in it."""

    gap: int
    """Milliseconds of append time; negative where the broker's clock was set back."""
    delay: int = 0
    """Milliseconds from the click to the append."""
    kind: str = "click"
    copy_of: int = 0
    """How many records before it lies the one whose id it has; 0: an id of its own."""
    resent: bool = False
    visitor: int = 0
    address: int = 0
    network: str = ""
    link: int = 1
    message: str = ""
    recipient: str = ""
    trap: bool = False
    program: bool = False
    padding: int = 0


def random_log(chance: Random, size: int) -> list[Sent]:
    """Few visitors, mails and links close together, so that much happens."""
    return [
        Sent(
            gap=chance.choices(
                [0, 1, 300, 900, 1500, 3000, 9000, 31_000, 50_000, -4000], [25, 9, 25, 15, 9, 6, 5, 2, 2, 2]
            )[0],
            delay=chance.choices([0, 5, 1200, 4000, 10_000, 60_000, -500], [40, 20, 10, 5, 3, 2, 2])[0],
            kind=chance.choices(["click", "orphan", "heartbeat", "dead"], [90, 4, 3, 3])[0],
            copy_of=chance.choices([0, 1, 2, 7], [88, 4, 4, 4])[0],
            resent=chance.random() < 0.15,
            visitor=chance.choices([0, 1, 2], [10, 60, 30])[0],
            address=chance.choices([0, 1, 2], [10, 60, 30])[0],
            network=chance.choices(["", OFFICE, SERVERS], [20, 40, 40])[0],
            link=chance.choices([1, 2, 3, 4, 5], [40, 15, 15, 15, 15])[0],
            message=chance.choice(["", "m"]),
            recipient=chance.choices(["", "r", "s"], [60, 30, 10])[0],
            trap=chance.random() < 0.03,
            program=chance.random() < 0.1,
            padding=chance.choices([0, 400, 2000], [90, 7, 3])[0],
        )
        for _ in range(size)
    ]


def random_actions(chance: Random, *others: str) -> list[tuple[str, int]]:
    """What happens while a log is read."""
    names = chance.choices(["read", "crash", *others], [70, 20, *(10 for _ in others)], k=15)
    return [(name, chance.randrange(1, 25 if name == "lose" else 9)) for name in names]


def write(sent: Sequence[Sent]) -> tuple[list[LogRecord], list[Seen]]:
    """The log, for the code and for the oracle."""
    log: list[LogRecord] = []
    seen: list[Seen] = []
    appended = START
    for place, one in enumerate(sent):
        appended += one.gap
        seq = seen[place - one.copy_of].seq if 0 < one.copy_of <= place else place + 1
        value = body(one, seq, appended)
        log.append(LogRecord(place, appended, value=value, headers=[("src", b"5"), ("seq", b"%d" % seq)]))
        fields = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
        shared = {name: fields[name] for name in fields.keys() & {field.name for field in dataclasses.fields(Seen)}}
        seen.append(
            Seen(
                **shared
                | {"appended": appended, "size": RECORD_BYTES + len(value), "ts": appended - one.delay, "seq": seq}
                | {"server": one.network == SERVERS}
            )
        )
    return log, seen


def body(one: Sent, seq: int, appended: int) -> bytes:
    if one.kind == "dead":
        return b"{" + b"x" * one.padding
    click = RawClick(
        kind=Kind(one.kind),
        src=5,
        seq=seq,
        ts=appended - one.delay,
        resent=one.resent,
        link_id=f"{one.link:016x}",
        visitor_id=f"{one.visitor:016x}" if one.visitor else "",
        address_id=f"{one.address:016x}" if one.address else "",
        network=one.network,
        message=one.message,
        recipient=one.recipient,
        trap=one.trap,
        user_agent="curl/8.5.0" if one.program else BROWSER,
        query="q" * min(one.padding, 2000),
    )
    return encode(click)


class Reader:
    """Reads a log as the worker does, with everything that may happen to it."""

    def __init__(self, log: Sequence[LogRecord], geo: Geo, rows: int) -> None:
        self._log, self._rows = log, rows
        self.stored = StoredRows()
        self.last_seen: dict[int, int] = {}
        """Of clicks that the clock on the wall closed, the last record that was read by then."""
        self._chain = Chain(self.stored, (geo,), JUDGE, DeadRatio(1.0), RULES)

    async def open(self) -> None:
        """Take the partition over."""
        self._maker = Maker(self._chain(PARTITION), RULES.hold, Patience(0, 0), rows=self._rows, linger=0.0)
        position = self.stored.place()
        self._at = position.next or 0
        await self._maker.restore(position, self._at)

    async def do(self, action: str, amount: int) -> None:
        """One thing that happens."""
        match action:
            case "read":
                await self._read(amount)
            case "close":
                await self._make(math.inf)
            case "crash":
                await self._make(None, partly=amount)
                await self.open()
            case "lose":
                for offset in range(amount, amount + 7):
                    self.stored.rows.pop(offset, None)
                await self.open()

    async def finish(self) -> None:
        """Read to the end, and let the clock on the wall close what is held then."""
        while self._at < len(self._log):
            await self._read(7)
        await self._make(math.inf)

    async def _read(self, amount: int) -> None:
        records = self._log[self._at : self._at + amount]
        if records:
            self._at += len(records)
            self._maker.put(records)
            await self._make(None)

    async def _make(self, ended: float | None, partly: int | None = None) -> None:
        """Make rows of all that is closed, and store them; a crash leaves the last ones partly stored."""
        while self._maker.closed(lambda: ended):
            built, _ = await self._maker.make(lambda: ended, self._all_stored)
            if ended is not None:
                for offset in built.records.offsets.tolist():
                    if offset not in self.stored.rows:
                        self.last_seen[offset] = self._at - 1
            self.stored.store(built.rows, partly)
            if partly is not None:
                return

    async def _all_stored(self) -> None:
        pass

    def judged(self) -> list[Judged]:
        """What the rows say."""
        return [
            (str(row["outcome"]), frozenset(map(str, row["reasons"])) & REASONS)
            for _, row in sorted(self.stored.rows.items())
        ]


@contextmanager
def few_are_kept() -> Iterator[None]:
    """So that the limits are reached by small logs too."""
    with (
        patch.multiple(marks, KEEP=KEEP_SOURCES, KEEP_OF_NETWORK=KEEP_NETWORKS),
        patch.object(repeats, "KEEP", KEEP_PAIRS),
    ):
        yield


@pytest.fixture(autouse=True, scope="module")
def _few_are_kept() -> Iterator[None]:
    with few_are_kept():
        yield


@pytest.fixture(scope="module")
def geo(tmp_path_factory: pytest.TempPathFactory) -> Geo:
    """Knows that the servers are a hosting firm's, and whose the office is."""
    folder = tmp_path_factory.mktemp("geo")
    numbers = {SERVERS: min(RULES.watched), OFFICE: 64_500}
    records = {network: {"autonomous_system_number": number} for network, number in numbers.items()}
    write_database(folder / "asn.mmdb", "asn", records)
    return Geo(Databases(folder))


def read(seed: int, size: int, geo: Geo, *others: str) -> tuple[Reader, list[Seen]]:
    """A random log, read through random mishaps."""
    chance = Random(seed)
    log, seen = write(random_log(chance, size))

    async def run() -> Reader:
        reader = Reader(log, geo, chance.choice([1, 3, 10, 100]))
        await reader.open()
        for action, amount in random_actions(chance, *others):
            await reader.do(action, amount)
        await reader.finish()
        return reader

    return asyncio.run(run()), seen


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 90))
def test_cuts_crashes_and_losses_change_nothing(geo: Geo, seed: int, size: int) -> None:
    """Only what is held when the log ends is closed by the clock on the wall, and then nothing follows it."""
    reader, seen = read(seed, size, geo, "lose")
    assert reader.judged() == Oracle(seen, PLAIN, {}).judged()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 90))
def test_the_clock_on_the_wall_hides_only_what_was_not_read(geo: Geo, seed: int, size: int) -> None:
    """A click that it closed is judged by what was read by then; nothing else changes but what follows from that."""
    reader, seen = read(seed, size, geo, "close")
    assert reader.judged() == Oracle(seen, PLAIN, reader.last_seen).judged()


def test_the_logs_have_everything_in_them() -> None:
    """The law is tried on logs where every rule fires, and every outcome is there."""
    found: Counter[str] = Counter()
    for seed in range(30):
        _, seen = write(random_log(Random(seed), 60))
        for outcome, reasons in Oracle(seen, PLAIN, {}).judged():
            found.update([outcome, *reasons])
    outcomes = {"dead", "source", "duplicate", "orphan", "bot", "repeat", "suspect", "human"}
    assert found.keys() == outcomes | REASONS
    assert min(found.values()) >= 20, found
