"""`weir import-log` on a real Kafka, worker and engine, held against a script that knows nothing of ours."""

import gzip
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client

from deploy.commands.audit import AuditSettings, take
from deploy.commands.import_log import command
from ingest.kafka import KafkaSettings
from tests.fixtures.services import environment_of, running
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = pytest.mark.kafka

Counts = Counter[tuple[str, date, int]]

LINES = 10_000
BROKEN = 100
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def good(rng: random.Random) -> bytes:
    """A line as Apache or nginx writes it."""
    zone = timezone(timedelta(hours=rng.choice((-7, 0, 2))))
    when = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(40 * 86_400))
    host = rng.choice((f"198.51.100.{rng.randrange(256)}", f"2001:db8:{rng.randrange(9)}::{rng.randrange(99)}"))
    method = rng.choice(["GET"] * 18 + ["HEAD", "POST"])
    query = rng.choice(("", "?utm_source=News&utm_medium=E-Mail", "?w_pos=2&w_of=5"))
    target = f"/{rng.choice(('spring', 'a/b', 'new', 'Old-Page', 'x.css'))}{query}"
    status = rng.choice((200, 302, 302, 302, 304, 404, 410, 500))
    agent = rng.choice((FIREFOX, "curl/8.5.0", "-", r"say \x22hi\x22"))
    stamp = when.astimezone(zone).strftime("%d/%b/%Y:%H:%M:%S %z")
    return f'{host} - - [{stamp}] "{method} {target} HTTP/1.1" {status} {rng.randrange(999)} "-" "{agent}"'.encode()


def broken(rng: random.Random) -> bytes:
    """A line that something happened to."""
    line = good(rng)
    return rng.choice(
        (
            line[: rng.randrange(1, len(line) - 1)],
            line.replace(b"/Sep/", b"/Spt/").replace(b"/Oct/", b"/Okt/"),
            line.replace(b"/20", b"/99"),
            bytes(rng.randrange(256) for _ in range(60)).replace(b"\n", b"") + line,
            line.replace(b"GET", b"").replace(b"HEAD", b"").replace(b"POST", b""),
            line + line,
            b"",
            line.replace(b"[", b"").replace(b"]", b""),
        )
    )


def write_log(path: Path, lines: int, bad: int, seed: int, mode: str = "wb") -> None:
    rng = random.Random(seed)
    made = [good(rng) for _ in range(lines - bad)] + [broken(rng) for _ in range(bad)]
    rng.shuffle(made)
    with path.open(mode) as file:
        file.writelines(line + b"\n" for line in made)


def independent(path: Path) -> Counts:
    """Counts by path, UTC day and status, from the file and nothing else."""
    counts: Counts = Counter()
    for line in path.read_text("latin-1").split("\n"):
        try:
            before, request, after, _, _, _, end = line.split('"')
            method, target, _ = request.split(" ")
            when = datetime.strptime(before.split("[")[1].split("]")[0], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
            status, _ = map(int, after.split())
        except (ValueError, IndexError):
            continue
        if method != "HEAD" and before.isascii() and before.isprintable() and method and not end and when.year < 2100:
            counts[target.split("?")[0], when.date(), status] += 1
    return counts


def stored(client: Client) -> Counts:
    rows = client.query(
        "SELECT path, toDate(ts, 'UTC') AS day, status, count() FROM events WHERE outcome != 'duplicate' GROUP BY ALL"
    ).result_rows
    return Counter({(path, day, status): rows for path, day, status, rows in rows})


def wait_for(client: Client, rows: int, seconds: float = 90) -> None:
    limit = time.monotonic() + seconds
    while (found := client.command("SELECT count() FROM events")) != rows:
        assert time.monotonic() < limit, f"{found} rows of {rows}"
        time.sleep(0.2)


def run_import(kafka: KafkaSettings, *arguments: str | Path) -> dict[str, Any]:
    result = CliRunner().invoke(
        command, ["--domain", "old.example", "--json", *map(str, arguments)], env=environment_of(kafka)
    )
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


@pytest.fixture
def client(kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path) -> Iterator[Client]:
    """A connection to the warehouse, while a worker counts."""
    with running("worker", tmp_path / "worker.log", kafka, warehouse, geo_dir=str(tmp_path)):
        found = connect(warehouse)
        yield found
        found.close()


def test_what_is_counted_is_what_the_file_says_and_again_adds_nothing(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    write_log(log, LINES, BROKEN, seed=11)
    expected = independent(log)
    summary = run_import(kafka, log)
    assert (summary["lines"], sum(summary["rejected"].values())) == (LINES, BROKEN)
    assert summary["events"] == expected.total() == LINES - BROKEN - summary["skipped_head"]
    wait_for(client, summary["events"])
    assert stored(client) == expected
    kept = Path(summary["rejects_kept"]).read_text()
    assert len(kept.splitlines()) == BROKEN
    assert set(re.findall(r"198\.51\.100\.(\d+)", kept)) == {"0"}
    assert not re.search(r"2001:db8:\d::\d", kept)

    packed = tmp_path / "old.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert run_import(kafka, packed)["events"] == summary["events"]
    wait_for(client, 2 * summary["events"])
    assert stored(client) == expected

    write_log(log, 500, 0, seed=12, mode="ab")
    grown = run_import(kafka, log)["events"]
    wait_for(client, 2 * summary["events"] + grown)
    assert stored(client) == independent(log)
    assert take(AuditSettings(**{**dict(kafka), **dict(warehouse)}), 20).adds_up


def test_what_a_click_of_a_log_is(kafka: KafkaSettings, client: Client, tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_text(
        '203.0.113.77 - - [01/Mar/2024:23:30:00 -0500] "GET /spring?utm_source=NL&utm_medium=E-mail&w_pos=1&w_of=4'
        f' HTTP/1.1" 302 0 "https://mail.google.com/" "{FIREFOX}"\n'
    )
    run_import(kafka, log)
    wait_for(client, 1)
    row = client.query("SELECT * FROM events").first_item or {}
    expected = {
        "kind": "click", "outcome": "human", "resent": 1, "seq": 1, "domain": "old.example", "path": "/spring",
        "status": 302, "network": "203.0.113.0/24", "salt_local": 1, "device": "desktop", "browser": "Firefox",
        "channel": "Email", "utm_source": "nl", "position": 1, "placement": "1st 20%", "destination": "",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["ts"].timestamp() == datetime(2024, 3, 2, 4, 30, tzinfo=UTC).timestamp()
    assert row["visitor_id"] > 0
