"""ClickHouse as DESIGN describes it to a writer, every step of it in the hands of a test.

A `ModelClient` stands in for clickhouse-connect's below the real `Ledger`: each of its calls waits until the test
carries it out, answers it, or loses it. An insert goes through what a real one does: it travels, arrives, is held
against the fence, is committed, and only then answered; its client may be long dead by then.
"""

import asyncio
import dataclasses
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from clickhouse_connect.driver.exceptions import DatabaseError

from warehouse.failures import VIOLATED_CONSTRAINT
from warehouse.sql import load

QUERY_WAS_CANCELLED = 394
TYPES = {
    "topic_id": "UUID",
    "kafka_partition": "UInt16",
    "kafka_offset": "UInt64",
    "batch_time": "DateTime",
    "fence": "UInt64",
}
SIZES = {"UUID": 16, "UInt16": 2, "UInt64": 8, "DateTime": 4}


class Row(NamedTuple):
    """What the ledger knows of a row; `ledger` is topic and partition, as an insert's comment names them."""

    ledger: str
    offset: int
    batch_time: int


@dataclasses.dataclass(eq=False)
class Call:
    """Something that a client wants of ClickHouse."""

    method: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    answer: "asyncio.Future[Any]"
    result: Any = None
    carried_out: bool = False

    @property
    def is_insert(self) -> bool:
        """Whether it writes rows of `events`."""
        return self.method == "raw_insert"


class Answer(NamedTuple):
    """As clickhouse-connect has it."""

    result_rows: Sequence[Sequence[Any]]


class Stage(enum.Enum):
    """How far an insert is, in order."""

    TRAVELS = enum.auto()
    ARRIVED = enum.auto()
    CHECKED = enum.auto()
    ENDED = enum.auto()


@dataclasses.dataclass(eq=False)
class Insert:
    """An insert, from its client to the table; it does not need the client any more."""

    rows: Sequence[Row]
    fence: int
    stage: Stage = Stage.TRAVELS
    error: Exception | None = None
    """What its client is told, where somebody is left to be told."""

    @property
    def ledger(self) -> str:
        """What it writes to."""
        return self.rows[0].ledger


class ModelClient:
    """One process's connection; what it asks for goes to `asked`."""

    def __init__(self, asked: Callable[[Call], None]) -> None:
        self._asked = asked

    async def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        call = Call(method, arguments, options, asyncio.get_running_loop().create_future())
        self._asked(call)
        return await call.answer

    async def command(self, *arguments: Any, **options: Any) -> Any:
        return await self._call("command", *arguments, **options)

    async def query(self, *arguments: Any, **options: Any) -> Any:
        return await self._call("query", *arguments, **options)

    async def raw_query(self, *arguments: Any, **options: Any) -> Any:
        return await self._call("raw_query", *arguments, **options)

    async def raw_insert(self, *arguments: Any, **options: Any) -> Any:
        return await self._call("raw_insert", *arguments, **options)


Gate = Callable[[int, int], bool]
"""(an insert's nonce, the last one written) → whether the insert is taken."""


class ModelClickHouse:
    """The table, the fences, and the inserts that are under way."""

    def __init__(self, gate: Gate = lambda fence, last: fence == last) -> None:
        self.rows: list[Row] = []
        self.lost: set[tuple[str, int]] = set()
        """Ledger and offset of rows that stood, and are gone since."""
        self.fences: dict[str, int] = {}
        self.inserts: dict[Call, Insert] = {}
        self.parts: list[Sequence[Row]] = []
        """Inserts in the order in which they were committed."""
        self._gate = gate

    def carry_out(self, call: Call) -> Any:
        """Do what was asked, to its end; raises what ClickHouse would."""
        if call.is_insert:
            insert = self.inserts[call]
            while insert.stage is not Stage.ENDED:
                self.advance(insert)
            if insert.error:
                raise insert.error
            return None
        statement, options = call.arguments[0], call.options
        if statement.startswith("DESCRIBE"):
            return Answer(list(TYPES.items()))
        if statement == load("settle"):
            return self._settle(options["parameters"]["comment"])
        ledger = comment(options["parameters"])
        if statement == load("fence"):
            self.fences[ledger] = options["parameters"]["nonce"]
            return None
        if statement == load("erased_position"):
            return Answer([[0, 0, 0, 0, 0]])  # nothing is ever erased or dropped here
        return Answer(self._position(ledger) if statement == load("position") else self._islands(ledger))

    def send(self, call: Call) -> None:
        """A client sends something off; an insert does not need it from here on."""
        if call.is_insert:
            _table, _names, body = call.arguments
            columns = decode(body)
            offsets, times = columns["kafka_offset"], columns["batch_time"]
            ledger = call.options["settings"]["log_comment"]
            rows = [Row(ledger, offset, time) for offset, time in zip(offsets, times, strict=True)]
            self.inserts[call] = Insert(rows, columns["fence"][0])

    def under_way(self, *stages: Stage) -> list[Insert]:
        """Inserts that are at one of these stages, whoever sent them."""
        return [insert for insert in self.inserts.values() if insert.stage in stages]

    def advance(self, insert: Insert, rows: int | None = None) -> None:
        """One step: it arrives, so that settling finds it; it is held against the fence; its rows become visible.

        `rows`: where it is cut off at the last step, so many rows are.
        """
        if insert.stage is Stage.TRAVELS:
            insert.stage = Stage.ARRIVED
        elif insert.stage is Stage.ARRIVED and self._gate(insert.fence, self.fences.get(insert.ledger, 0)):
            insert.stage = Stage.CHECKED
        elif insert.stage is Stage.ARRIVED:
            insert.stage = Stage.ENDED
            insert.error = DatabaseError("Constraint `fenced` is violated", code=VIOLATED_CONSTRAINT)
        elif insert.stage is Stage.CHECKED:
            insert.stage = Stage.ENDED
            self._add(insert.rows[:rows])
            if rows is not None and rows < len(insert.rows):
                insert.error = ConnectionError("cut off")

    def end(self, insert: Insert) -> None:
        """What is not committed by now never will be."""
        if insert.stage is not Stage.ENDED:
            insert.stage = Stage.ENDED
            insert.error = DatabaseError("Query was cancelled", code=QUERY_WAS_CANCELLED)

    def die(self) -> None:
        """kill -9: nothing that was under way goes on, and the fences, which are in memory, are gone."""
        for insert in self.inserts.values():
            self.end(insert)
        self.fences.clear()

    def lose(self, parts: Sequence[Sequence[Row]]) -> None:
        """Committed, answered, and never on the disk."""
        gone = {row for part in parts for row in part}
        self.parts = [part for part in self.parts if part not in parts]
        self.rows = [row for row in self.rows if row not in gone]
        self.lost |= {(row.ledger, row.offset) for row in gone}

    def restore(self, parts: Sequence[Sequence[Row]]) -> None:
        """What stood at the time of a backup stands again, and nothing else."""
        self.lost |= {(row.ledger, row.offset) for row in self.rows}
        self.rows, self.parts = [], []
        for part in parts:
            self._add(part)

    def _add(self, rows: Sequence[Row]) -> None:
        if rows:
            self.rows += rows
            self.parts.append(rows)
            self.lost -= {(row.ledger, row.offset) for row in rows}

    def _settle(self, ledger: str) -> bytes:
        found = [one for one in self.under_way(Stage.ARRIVED, Stage.CHECKED) if one.ledger == ledger]
        for insert in found:
            self.end(insert)
        return b"finished\n" * len(found)

    def _position(self, ledger: str) -> list[list[int]]:
        rows = [row for row in self.rows if row.ledger == ledger]
        offsets = [row.offset for row in rows]
        times = (row.batch_time for row in rows)
        return [[len(rows), min(offsets, default=0), max(offsets, default=0), max(times, default=0)]]

    def _islands(self, ledger: str) -> list[list[int]]:
        runs: list[list[int]] = []
        for offset in sorted({row.offset for row in self.rows if row.ledger == ledger}):
            if runs and runs[-1][1] == offset - 1:
                runs[-1][1] = offset
            else:
                runs.append([offset, offset])
        return runs


def comment(parameters: Mapping[str, Any]) -> str:
    """A ledger's name from a statement's parameters."""
    return f"weir {parameters['topic_id']}/{parameters['partition']}"


def decode(body: bytes) -> dict[str, list[int]]:
    """A Native block of columns of a fixed size, as numbers."""
    places = iter(body)
    count, rows = _varint(places), _varint(places)
    columns = {}
    for _ in range(count):
        name, type_name = _text(places), _text(places)
        size = SIZES[type_name.partition("(")[0]]
        columns[name] = [int.from_bytes(bytes(islice(places, size)), "little") for _ in range(rows)]
    return columns


def _varint(places: Iterator[int]) -> int:
    number = shift = 0
    while True:
        byte = next(places)
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number
        shift += 7


def _text(places: Iterator[int]) -> str:
    return bytes(islice(places, _varint(places))).decode()
