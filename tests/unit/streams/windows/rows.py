"""Rows in memory that answer as `warehouse/sql` does, behind the real ledger's interface."""

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.events import Kind
from warehouse.columns import Columns
from warehouse.ledger import Ledger, Position

IDS = ("link_id", "visitor_id", "address_id", "network", "asn", "message_id", "recipient_id")


class StoredRows(Ledger):
    """The rows of one partition. What ClickHouse does is said once more, in Python."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}

    def store(self, columns: Columns, most: int | None = None) -> None:
        """Insert what is missing of some rows, or of the first so many."""
        names = list(columns)
        for values in list(zip(*columns.values(), strict=True))[:most]:
            row = dict(zip(names, values, strict=True))
            self.rows.setdefault(int(row["kafka_offset"]), row)

    def place(self) -> Position:
        """How far it is stored."""
        offsets = sorted(self.rows)
        if not offsets:
            return Position(None)
        runs: list[list[int]] = [[0, 0]]
        for offset in offsets:
            if offset == runs[-1][1]:
                runs[-1][1] += 1
            else:
                runs.append([offset, offset + 1])
        latest = max(row["batch_time"] for row in self.rows.values())
        return Position(runs[0][1], latest, tuple(range(*run) for run in runs[1:]))

    async def replace(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Dead letters are not looked at here."""

    async def read(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """As the statement of that name."""
        if statement == "known":
            known = (row for row in self.rows.values() if row["kafka_offset"] < parameters["before"])
            return [(row["src"], row["seq"]) for row in known if row["outcome"] not in {"dead", "duplicate"}]
        rows = [row for offset, row in sorted(self.rows.items()) if offset < parameters["before"]]
        last = [row["append_time"] // 1000 for row in rows if row["batch_time"] >= parameters["last_batch"]]
        rows = [row for row in rows if row["batch_time"] >= max(last, default=0) - parameters["span"]]
        if statement == "resent":
            return [(row["src"], row["seq"], row["append_time"]) for row in rows if row["resent"]][
                : -parameters["limit"] - 1 : -1
            ]
        return [
            (
                row["kafka_offset"], row["append_time"], row["ts"],
                row["kind"] == Kind.CLICK and row["outcome"] != "duplicate", row["outcome"] in {"human", "suspect"},
                *(row[name] for name in IDS), row["trap"],
            )
            for row in rows
        ][: -parameters["limit"] - 1 : -1]  # fmt: skip
