"""Nobody's full address is kept anywhere: not in Kafka's log, in ClickHouse, in a spool, or in a line of a log file."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import httpx
import pytest

from ingest.events import decode
from ingest.kafka import CLICKS_RAW, TOPICS, KafkaSettings
from tests.fixtures.services import Service, running
from tests.integration.test_pipeline import send
from tests.integration.test_redirector import read_all
from warehouse.client import connect
from warehouse.settings import WarehouseSettings

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

CLICKS = 40
POISON = b'{"remote_addr":"%s"'
BROWSER = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/141.0.0.0 Mobile Safari/537.36"


@pytest.fixture
def redirector(kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path) -> Iterator[Service]:
    """A redirector behind a proxy, and a worker that writes all that it can write."""
    with ExitStack() as services:
        services.enter_context(
            running("worker", tmp_path / "worker.log", kafka, warehouse, enriched="true", geo_dir=str(tmp_path))
        )
        behind = {"default_domain": "go.example", "trusted_proxies": "127.0.0.0/8", "spool": str(tmp_path / "spool")}
        yield services.enter_context(running("redirector", tmp_path / "redirector.log", kafka, **behind))


def addresses(number: int) -> list[str]:
    """As many of each version, in networks for documentation, none of which is a network's own first address."""
    numbers = random.Random(37).sample(range(1, 255), number)
    return [
        *(str(IPv4Address("203.0.113.0") + part) for part in numbers),
        *(str(IPv6Address("2001:db8:77:5::") + (part << 32 | 0xBEEF)) for part in numbers),
    ]


def stored(warehouse: WarehouseSettings) -> bytes:
    """Every row of every table, as text."""
    with connect(warehouse) as client:
        tables = client.query("SHOW TABLES").result_columns[0]
        return b"\n".join(client.raw_query(f"SELECT * FROM {table}", fmt="JSONEachRow") for table in tables)


def count(warehouse: WarehouseSettings) -> int:
    with connect(warehouse) as client:
        return int(str(client.command("SELECT countIf(kind = 'orphan' OR outcome = 'dead') FROM events")))


def test_no_full_address_is_kept_anywhere(
    redirector: Service, kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path
) -> None:
    whose = addresses(CLICKS // 2)
    for address in whose:
        headers = {"Host": "go.example", "User-Agent": BROWSER, "X-Forwarded-For": address}
        assert httpx.get(f"{redirector.url}/nobody-knows", headers=headers, timeout=30).status_code == 404
        assert httpx.get(f"{redirector.url}/{'%ff' * 1000}", headers=headers, timeout=30).status_code in range(400, 500)
    poison = [POISON % address.encode() for address in whose]
    send(kafka, *poison)
    limit = time.monotonic() + 60
    while count(warehouse) < 2 * len(whose):
        assert time.monotonic() < limit
        time.sleep(0.2)

    records = {topic.name: read_all(kafka, topic) for topic in TOPICS}
    foreign = [record for record in records[CLICKS_RAW.name] if record.value in poison]
    assert len(foreign) == len(poison), "what others put on the topic is theirs; only that is left out"
    kept = [record for of_topic in records.values() for record in of_topic if record not in foreign]
    networks = {decode(record.value).network for record in kept if b'"network":"' in record.value}
    assert {"203.0.113.0/24", "2001:db8:77::/48"} <= networks, "the clicks came from where they were meant to"
    places = {
        "Kafka": b"\n".join(record.key + record.value + repr(record.headers).encode() for record in kept),
        "ClickHouse": stored(warehouse),
        "spool": b"".join(file.read_bytes() for file in (tmp_path / "spool").rglob("*") if file.is_file()),
        **{file.name: file.read_bytes() for file in tmp_path.glob("*.log")},
    }
    assert {"worker.log", "redirector.log"} < places.keys()
    assert b"203.0.113.0/24" in places["spool"], "the clicks stand there until their file is full"
    spellings = [spelling.encode() for address in whose for spelling in (address, f"::ffff:{address}")]
    for place, text in places.items():
        assert text, place
        assert [spelling for spelling in spellings if spelling in text] == [], place
