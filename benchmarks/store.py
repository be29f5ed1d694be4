"""Bytes a click in `events`, column by column, and what other codecs make of them; in this process, without a server.

    python -m benchmarks.store [--rows 2000000] [--compare]

Second orderings (projections, indexes, marks) are not in the columns' bytes; `on disk` has everything.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from warehouse.migrate import load

TEXTS = frozenset(
    {
        *("path", "destination", "network", "user_agent", "hints", "referrer", "accept_language", "query"),
        *("message_id", "recipient_id", "utm_term", "utm_content", "utm_source_raw", "utm_medium_raw"),
        *("utm_campaign_raw", "utm_term_raw", "utm_content_raw", "extra"),
    }
)
"""Columns of free text: what they take is up to who writes the links."""

CODECS = ("LZ4", "ZSTD(1)", "ZSTD(3)", "Delta, ZSTD(1)", "DoubleDelta, ZSTD(1)", "T64, ZSTD(1)", "T64('bit'), ZSTD(1)")
COMPARED = (
    *("append_time", "batch_time", "ts", "kafka_offset", "seq", "src", "fence", "kafka_partition", "asn", "link_id"),
    *("address_id", "visitor_id", "position", "city", "region", "referrer_host", "browser_version"),
)
SHOWN = 0.02
"""Bytes a click below which a column is summed up with others."""


def filled(folder: str, rows: int) -> Client:
    """A warehouse with so many clicks, merged into one part."""
    client = clickhouse_connect.get_client(interface="chdb", path=folder)
    for migration in load():
        for statement in migration.statements("default"):
            client.command(statement)
    client.command(
        "INSERT INTO fences SELECT toUUID('6f1c2d2e-8f6b-4e3f-9a53-1c2d3e4f5a6b'), number,"
        " 1 + cityHash64('nonce', number) % 9223372036854775807 FROM numbers(12)"
    )
    client.command("ALTER TABLE events MODIFY SETTING min_bytes_for_wide_part = 0")  # else few rows share one file
    client.command(Path(__file__).with_suffix(".sql").read_text(), parameters={"count": rows})
    client.command("OPTIMIZE TABLE events FINAL")
    return client


def columns(client: Client, rows: int) -> Sequence[Sequence[Any]]:
    """Column and bytes a click, the largest first."""
    return client.query(
        "SELECT column, sum(column_data_compressed_bytes) / {rows:UInt64} AS bytes FROM system.parts_columns"
        " WHERE active AND database = currentDatabase() AND table = 'events' GROUP BY column ORDER BY bytes DESC",
        parameters={"rows": rows},
    ).result_rows


def compared(client: Client, rows: int) -> Iterator[tuple[str, str, float, float]]:
    """Column, codec, bytes a click, and nanoseconds of CPU to read, pack and write one, for all that a type takes."""
    types = {row[0]: row[1] for row in client.query("DESCRIBE TABLE events").result_rows}
    for column in COMPARED:
        for codec in CODECS:
            if "LowCardinality" in types[column] and "ZSTD(" not in codec.partition(",")[0]:
                continue
            client.command("DROP TABLE IF EXISTS packed")
            client.command(
                f"CREATE TABLE packed (c {types[column]} CODEC({codec})) ENGINE = MergeTree ORDER BY tuple()"
                " SETTINGS min_bytes_for_wide_part = 0"
            )
            began = time.process_time()
            client.command(
                f"INSERT INTO packed SELECT {column} FROM events"
                " SETTINGS max_threads = 1, max_insert_threads = 1, min_insert_block_size_rows = 10000000"
            )
            took = time.process_time() - began
            client.command("OPTIMIZE TABLE packed FINAL")
            found = client.query(
                "SELECT sum(data_compressed_bytes) FROM system.parts"
                " WHERE active AND database = currentDatabase() AND table = 'packed'"
            ).result_rows[0][0]
            yield column, codec, found / rows, took / rows * 1e9


def main() -> None:
    """Print the table; with `--compare` the codecs' too."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--compare", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        client = filled(folder, asked.rows)
        took = (time.process_time() - began) / asked.rows * 1e6
        found = columns(client, asked.rows)
        for column, size in found:
            if size >= SHOWN:
                print(f"| {column} | {size:.2f} |{' text' if column in TEXTS else ''}")
        print(f"others: {sum(size for _, size in found if size < SHOWN):.2f}")
        print(f"without text: {sum(size for column, size in found if column not in TEXTS):.1f} bytes a click")
        print(
            f"all columns: {sum(size for _, size in found):.1f}; CPU of making, writing, merging {took:.1f} µs a click"
        )
        if asked.compare:
            for column, codec, size, nanoseconds in compared(client, asked.rows):
                print(f"| {column} | {codec} | {size:.2f} | {nanoseconds:.0f} |")


if __name__ == "__main__":
    main()
