"""History: stored rows, read piece by piece in the form in which they were written."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from string import Template
from typing import Any
from uuid import UUID

import numpy as np
from clickhouse_connect.driver.client import Client

from warehouse.columns import Coded, Column
from warehouse.events import COLUMNS
from warehouse.ledger import Partition
from warehouse.native import NUMBERS
from warehouse.replays.layers import Ranges
from warehouse.sql import load

FOREVER = (1 << 64) - 1

FORMS: Mapping[str, str] = {
    "DateTime64": "toUnixTimestamp64Milli({})",
    "DateTime": "toUnixTimestamp({})",
    "Date": "toUInt16({})",
    "Enum8": "toString({})",
}
"""Type → the form in which its values are written."""

READERS: Mapping[str, Callable[[Any], Any]] = {"Array": tuple, "Map": lambda value: tuple(value.items())}


def taken_between(client: Client, start: datetime, end: datetime) -> Ranges:
    """The offsets of what Kafka took in a span of time, the end excluded."""
    parameters = {"start": round(start.timestamp() * 1000), "end": round(end.timestamp() * 1000)}
    found: Sequence[tuple[UUID, int, int, int]] = client.query(load("replay_ranges"), parameters=parameters).result_rows  # type: ignore[assignment]  # rows are sequences of whatever the statement has
    return {(topic_id, partition): range(first, last + 1) for topic_id, partition, first, last in found}


class History:
    """The rows of one partition as they are in the answers."""

    def __init__(self, client: Client, partition: Partition) -> None:
        self._client, self._partition = client, partition
        types = {row[0]: row[1].partition("(")[0] for row in client.query("DESCRIBE TABLE events").result_rows}
        self._types = {name: types[name] for name in COLUMNS}
        self._sql = Template(load("history"))
        days = client.query(load("partition_days"), parameters=partition.parameters).result_rows
        self._days: Sequence[tuple[date, int, int]] = [(day, first, last) for day, first, last in days]

    @property
    def end(self) -> int:
        """The offset after the last one that is stored."""
        return max((last + 1 for *_, last in self._days), default=0)

    def read(
        self, offsets: range, columns: Sequence[str] = COLUMNS, *, since: int = FOREVER, edition: int = 0
    ) -> dict[str, Column]:
        """The rows at some offsets, in order; from `since` on as an edition has them. {} where there is none."""
        days = [day for day, first, last in self._days if first < offsets.stop and offsets.start <= last]
        if not (days and offsets):
            return {}
        place = {"first": offsets.start, "last": offsets.stop - 1, "since": since, "edition": edition}
        parameters = {**self._partition.parameters, **place, "day_from": min(days), "day_to": max(days)}
        forms = [FORMS.get(self._types[name], "{}").format(name) for name in columns]
        sql = self._sql.substitute(columns=", ".join(forms), switched=load("switched"), live=load("live"))
        found = self._client.query(sql, parameters=parameters)
        if not found.row_count:
            return {}
        return {
            name: _column(self._types[name], values) for name, values in zip(columns, found.result_columns, strict=True)
        }


def _column(type_: str, values: Sequence[Any]) -> Column:
    if type_ in NUMBERS:
        return np.array(values, NUMBERS[type_])
    return Coded.of(map(READERS[type_], values) if type_ in READERS else values)
