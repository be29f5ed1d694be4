"""An edition's rows: written through the fence of the partition's live writer, checked before a switch.

Exactly once: one insert in flight, in the order of offsets, each one part; what stands is read again wherever that is
in doubt. The rows lie in partitions of the table of their own, and nobody but the replay asks for them.
"""

import secrets
import time
from collections.abc import Iterator, Mapping

import numpy as np
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from warehouse.columns import Coded, Columns, cut
from warehouse.failpoints import Failpoint, reach
from warehouse.failures import Fenced, TooLarge, judge
from warehouse.ledger import INSERT_SETTINGS, Partition
from warehouse.native import block
from warehouse.replays.book import Replay, ReplayRefused, settle
from warehouse.sql import load

FENCED_TIMES = 20
"""So often in a row may workers fence a partition anew before this gives up."""
PAUSE = 0.25


class Edition:
    """The writer of one edition."""

    def __init__(self, client: Client, replay: Replay) -> None:
        self._client, self._replay = client, replay
        self._types = {row[0]: row[1] for row in client.query("DESCRIBE TABLE events").result_rows}
        settle(client, replay)  # what an earlier run left under way

    @property
    def number(self) -> int:
        """The edition's."""
        return self._replay.edition

    def position(self, partition: Partition, offsets: range) -> int:
        """The offset at which to go on. Raises `ReplayRefused` where the edition has rows that it should not have."""
        parameters = {**partition.parameters, "edition": self.number}
        rows, first, last = self._client.query(load("edition_position"), parameters=parameters).result_rows[0]
        if not rows:
            return offsets.start
        if first < offsets.start or last >= offsets.stop:
            raise self._broken(partition)
        return int(last) + 1

    def write(self, partition: Partition, rows: Columns) -> None:
        """Write rows in order, none of which is there yet. Raises `warehouse.failures.Failure`: then run it again."""
        own = {**rows, "edition": Coded.constant(self.number, len(rows["kafka_offset"]))}
        for run in _months(own):
            self._insert(partition, cut(own, run))

    def check(self) -> None:
        """Raise `ReplayRefused` unless every offset of the ledger in the range is one row, and no other is."""
        for (topic_id, number), offsets in self._replay.ranges.items():
            partition = Partition(topic_id, number)
            parameters = {**partition.parameters, "first": offsets.start, "last": offsets.stop - 1}
            parameters["edition"] = self.number
            counts = self._client.query(load("edition_check"), parameters=parameters).result_rows[0]
            if len(set(counts)) > 1:
                raise self._broken(partition)

    def note(self, partition: Partition, offsets: range, row: Mapping[str, object]) -> None:
        """Write down what is different at some offsets, before their rows are written."""
        place = {"edition": self.number, "topic_id": partition.topic_id, "kafka_partition": partition.number}
        full = {**place, "first": offsets.start, "last": offsets.stop - 1, **row}
        settings = {"async_insert": 0}
        self._client.insert("replay_changes", [list(full.values())], column_names=list(full), settings=settings)

    def _insert(self, partition: Partition, rows: Columns) -> None:
        try:
            self._attempt(partition, rows)
        except TooLarge:
            middle = len(rows["kafka_offset"]) // 2
            if not middle:
                raise
            settle(self._client, self._replay)
            for half in (slice(middle), slice(middle, None)):
                self._insert(partition, cut(rows, half))

    def _attempt(self, partition: Partition, rows: Columns) -> None:
        """Insert what is one part; a worker that fences the partition meanwhile is no reason to stop."""
        for _ in range(FENCED_TIMES):
            try:
                return self._send(partition, rows)
            except Fenced:
                time.sleep(PAUSE)
        raise ReplayRefused("Workers take the partitions over again and again: run this again when they are calm.")

    def _send(self, partition: Partition, rows: Columns) -> None:
        nonce, first = self._nonce(partition), int(rows["kafka_offset"][0])
        token = f"{self.number}-{partition.topic_id}/{partition.number}-{first}"
        settings = {
            **INSERT_SETTINGS,
            "log_comment": self._replay.comment,
            "insert_deduplication_token": f"{token}-{secrets.token_hex(4)}",  # of the client's own second try alone
        }
        body = block({**rows, "fence": Coded.constant(nonce, len(rows["kafka_offset"]))}, self._types)
        reach(Failpoint.BEFORE_INSERT)
        try:
            self._client.raw_insert("events", list(rows), body, settings=settings, fmt="Native")
        except (ClickHouseError, OSError) as error:
            raise judge(error, writing=True) from error
        reach(Failpoint.AFTER_INSERT)

    def _nonce(self, partition: Partition) -> int:
        """That of the partition's writer, which is left alone; one of ours where ClickHouse knows none."""
        nonce = int(self._client.query(load("nonce"), parameters=partition.parameters).result_rows[0][0])
        if not nonce:
            nonce = secrets.randbits(63) + 1
            self._client.command(load("fence"), parameters={**partition.parameters, "nonce": nonce})
        return nonce

    def _broken(self, partition: Partition) -> ReplayRefused:
        number = self.number
        return ReplayRefused(
            f"Edition {number} has not just one row for each offset of partition {partition.number}: ClickHouse has"
            f" lost some, or two replays wrote it. `weir replay --drop {number}` deletes it; then run the replay again."
        )


def _months(rows: Columns) -> Iterator[slice]:
    """Runs of rows whose batches are of one month: each goes into one partition of the table, and so into one part."""
    days = np.asarray(rows["batch_time"]).astype("datetime64[s]").astype("datetime64[M]")
    ends = [*(np.flatnonzero(days[1:] != days[:-1]) + 1).tolist(), len(days)]
    for start, end in zip([0, *ends], ends, strict=False):
        yield slice(start, end)
