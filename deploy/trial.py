"""A trial: sample clicks through the real chain, as one log from its beginning, with what each step made of them."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from ingest.events import Kind, RawClick, decode
from streams.batch import Records
from streams.chain import Chain, PartitionChain
from streams.decode import decode_records
from streams.maker import Maker
from streams.patience import Patience
from streams.settings import StreamSettings
from warehouse.columns import Columns
from warehouse.ledger import Ledger, Partition, Position

PARTITION = Partition(UUID(int=0), 0)
"""Where the log of a trial stands."""


class NoLedger(Ledger):
    """A ledger without a row, which keeps nothing: the log of a trial is all that there is."""

    def __init__(self) -> None:
        """Nothing is asked of ClickHouse."""

    async def known(self, *_: object) -> frozenset[tuple[int, int]]:
        """None: what came before stands in the log itself, and all of that is held."""
        return frozenset()

    async def replace(self, *_: object) -> None:
        """Keep nothing."""


@dataclasses.dataclass
class LogRecord:
    """A record as a log would have it."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of the input that is a raw click."""

    number: int
    record: LogRecord
    unknown: tuple[str, ...] = ()
    """Fields that a raw click does not have; they are ignored, as by a worker."""


@dataclasses.dataclass(frozen=True)
class BadLine:
    """A line that is no raw click, and why."""

    number: int
    reason: str


def read(lines: Iterable[bytes], now: int) -> Iterator[Line | BadLine]:
    """Raw clicks of NDJSON; a field that is absent has its default, `seq` the line's number, and `ts` is `now` (ms).

    Lines that are empty are passed over. Every click is taken to be appended when it was made.
    """
    offset = 0
    for number, line in enumerate(lines, 1):
        if line.strip():
            found = _read(line, number, offset, {"kind": Kind.CLICK, "src": 1, "seq": number, "ts": now})
            offset += isinstance(found, Line)
            yield found


def _read(line: bytes, number: int, offset: int, defaults: dict[str, Any]) -> Line | BadLine:
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return BadLine(number, f"no JSON object: {error}")
    value = msgspec.json.encode(defaults | fields)
    record = LogRecord(offset, 0, value)
    if dead := decode_records(Records.of([record])).dead:
        return BadLine(number, dead[0].detail)
    record.timestamp = decode(value).ts
    return Line(number, record, tuple(fields.keys() - set(RawClick.__struct_fields__)))


@dataclasses.dataclass(frozen=True)
class Trial:
    """What became of the lines, a row each in their order."""

    lines: Sequence[Line]
    steps: Sequence[tuple[str, Columns]]
    """What each step made, in the order of the steps."""

    @property
    def rows(self) -> Columns:
        """All of it together."""
        made: dict[str, Any] = {}
        for _, columns in self.steps:
            made |= columns
        return made


class Traced(PartitionChain):
    """The chain of a partition, which remembers what its steps made."""

    def __init__(self, chain: Chain) -> None:
        super().__init__(chain, PARTITION)
        self.made: list[tuple[str, Columns]] = []

    def steps(self, records: Records, batch_time: int) -> Iterator[tuple[str, Columns]]:
        """As the chain does."""
        for name, columns in super().steps(records, batch_time):
            self.made.append((name, columns))
            yield name, columns


async def attempt(lines: Sequence[Line], chain: Chain, settings: StreamSettings) -> Trial:
    """Let the chain make rows of the lines, which are all that its log has."""
    traced = Traced(chain)
    patience = Patience(settings.clickhouse_patience, 0.0)
    maker = Maker(traced, settings.hold_limit, patience, rows=max(1, len(lines)), linger=0)
    await maker.restore(Position(None), 0)
    if lines:
        maker.put([line.record for line in lines])
        await maker.make(_long_ago_ended, _all_is_stored)
    return Trial(lines, traced.made)


def _long_ago_ended() -> float:
    """Kafka said that nothing follows, after every hold had passed."""
    return math.inf


async def _all_is_stored() -> None:
    """There is no insert to wait for."""
