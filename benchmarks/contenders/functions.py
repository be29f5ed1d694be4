"""The same functions for every contender: decode, enrich, judge, and the insert of their columns into `events`.

Runs in the peers' environments too, so it imports nothing of Weir's that needs Faust or a web server.
"""

import gc
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec
import numpy as np

from ingest.kafka import KafkaSettings
from streams.batch import Offsets, Records
from streams.decode import decode_records
from streams.enrich.chain import enrichers, systems
from streams.enrich.utm import DEFAULT_TAXONOMY
from streams.judge.judge import Judge
from streams.judge.version import rules_version
from streams.rows import log_columns
from streams.windows.hold import Stretch
from streams.windows.judged import judged, looked_at
from streams.windows.rules import WindowRules
from streams.windows.windows import Windows
from warehouse.client import connect
from warehouse.columns import Coded, Columns
from warehouse.events import COLUMNS
from warehouse.ledger import INSERT_SETTINGS
from warehouse.native import block
from warehouse.settings import WarehouseSettings

NONCE = 1
"""The fence of a database with one writer: set once, so that every contender's inserts pay the same check."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a contender is to do."""

    kafka: str
    topic: str
    topic_id: UUID
    group: str
    clickhouse: str
    user: str
    password: str
    database: str
    geo_dir: str
    cache_size: int
    rows: int
    """Rows of one insert at the most."""
    linger: float
    """Seconds that an insert may wait for more rows."""
    records: int
    """How many there are to read."""
    mark: str
    """File for the `Start`."""

    def settings(self) -> WarehouseSettings:
        """How ClickHouse is reached."""
        return WarehouseSettings.model_validate(
            {
                "clickhouse": self.clickhouse,
                "clickhouse_user": self.user,
                "clickhouse_password": self.password,
                "clickhouse_database": self.database,
            }
        )

    def broker(self) -> KafkaSettings:
        """How Kafka is reached."""
        return KafkaSettings(kafka=self.kafka, kafka_security_protocol="PLAINTEXT")


class Start(msgspec.Struct, frozen=True):
    """When a contender began to read, and the CPU time that it had used by then."""

    monotonic: float
    cpu: float


class Taken(msgspec.Struct, gc=False):
    """A record as the functions want it; a `streams.batch.Record`."""

    offset: int
    timestamp: int
    value: bytes | None
    partition: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def read_task() -> Task:
    """The task, from the file that the command line names."""
    return msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Task)


def mark_start(task: Task) -> None:
    """Say that reading begins."""
    file = Path(task.mark)
    fresh = file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(Start(time.monotonic(), time.process_time())))
    fresh.replace(file)


def tune() -> None:
    """What the worker does to its interpreter when its tables are loaded, done to every contender's."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class Functions:
    """Decode → enrich → judge → insert, a batch at a time, for contenders without a ledger."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._enrichers = enrichers(geo_dir=Path(task.geo_dir), cache_size=task.cache_size)
        rules = WindowRules()
        self._judge = Judge(rules_version(DEFAULT_TAXONOMY, rules), task.cache_size)
        self._windows = Windows(rules)
        self._taken = 0
        self._client = connect(task.settings())
        described = self._client.query("DESCRIBE TABLE events").result_rows
        self._types = {row[0]: row[1] for row in described}
        self._started = False
        tune()

    def begin(self) -> None:
        """Partitions are assigned, or the first record is here: the clock runs from the first time this is said."""
        if not self._started:
            self._started = True
            mark_start(self._task)

    def store(self, records: Sequence[Taken]) -> None:
        """Make the rows of the records and insert them; they may be of several partitions."""
        for first in range(0, len(records), self._task.rows):
            self.insert(self.rows(records[first : first + self._task.rows]))

    def rows(self, records: Sequence[Taken]) -> Columns:
        """The columns of `events` for the records."""
        kept = Records.of(records)
        decoded = decode_records(kept)
        stretch = self._stretch(kept.appended)
        columns = {**decoded.columns, "asn": systems(self._enrichers, decoded.columns)}
        columns = looked_at(columns, stretch, self._windows, dead=decoded.dead, duplicates=())
        batch_time = int(stretch.clocks[-1]) // 1000
        rows = log_columns(self._task.topic_id, 0, kept, batch_time) | columns
        rows["kafka_partition"] = Coded.of([record.partition for record in records])
        for enricher in self._enrichers:
            rows |= enricher(rows)
        rows |= judged(rows | {"kafka_offset": stretch.offsets}, self._judge, self._windows)
        return {name: rows[name] for name in COLUMNS if name in rows}

    def _stretch(self, appended: Offsets) -> Stretch:
        """The records as a log of their own: partitions come mixed here, and what windows cost is the same."""
        first, self._taken = self._taken, self._taken + len(appended)
        offsets = np.arange(first, self._taken)
        return Stretch(offsets, appended, np.maximum.accumulate(appended), offsets)

    def insert(self, rows: Columns) -> None:
        """One insert, with the settings of Weir's own."""
        columns = {**rows, "fence": Coded.constant(NONCE, len(rows["kafka_offset"]))}
        body = block(columns, self._types)
        self._client.raw_insert("events", list(columns), body, settings=dict(INSERT_SETTINGS), fmt="Native")
