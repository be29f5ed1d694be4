"""`weir replay` as a user runs it, after an edit of the taxonomy."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client

from deploy.commands import replay
from ingest.events import encode
from ingest.kafka import KafkaSettings
from ingest.links import link_id
from streams.enrich.utm import DEFAULT_TAXONOMY
from streams.pipeline import click_chain
from streams.settings import StreamSettings
from tests.fixtures.services import WEIR, Service, environment_of
from tests.integration.test_pipeline import audited, click, send, wait_for, worker
from tests.integration.test_windows import Reading
from tests.unit.streams.test_partition import LogRecord
from warehouse.client import connect, connect_async
from warehouse.ledger import Ledger, Partition
from warehouse.settings import WarehouseSettings

__all__ = ["worker"]

TOPIC = UUID(int=11)
START = 1_793_620_800_000  # 2026-11-02, 12:00 UTC
MEDIA = ("newsletter", "flugblatt", "cpc", "")
SPAN = ("--from", "2026-11-02", "--to", "2026-11-03")
CHANNELS = "SELECT channel, count() FROM v_clicks GROUP BY channel ORDER BY channel"


def log(partition: int) -> list[LogRecord]:
    """Clicks a second apart: of all media in turn, some with a program's user agent, some undecodable."""
    records = []
    for offset in range(40):
        at = START + 1000 * offset
        sent = click(
            offset + 1,
            src=partition + 1,
            ts=at,
            link_id=link_id("go.example", "spring"),
            query=f"utm_source=leaflet&utm_medium={MEDIA[offset % 4]}",
            **({"user_agent": "curl/8.5.0"} if offset % 5 == 0 else {}),
        )
        records.append(LogRecord(offset, at, value=b"{" if offset % 13 == 12 else encode(sent)))
    return records


@pytest.fixture
async def stored(warehouse: WarehouseSettings, tmp_path: Path) -> None:
    """Three partitions, judged with the taxonomy that Weir comes with."""
    connection = await connect_async(warehouse)
    settings = StreamSettings(geo_dir=tmp_path)
    for number in range(3):
        chain = click_chain(settings, Ledger(connection))
        await Reading(chain, Partition(TOPIC, number), log(number)).to_the_end()
    await connection.close()


@pytest.fixture
def client(warehouse: WarehouseSettings) -> Iterator[Client]:
    with connect(warehouse) as client:
        yield client


class Weir:
    """Runs `weir replay` with the settings of the test."""

    def __init__(self, warehouse: WarehouseSettings, tmp_path: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        self.environment = {**clean, **environment_of(warehouse), "WEIR_GEO_DIR": str(tmp_path)}

    def __call__(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        own = {f"WEIR_{name.upper()}": value for name, value in settings.items()}
        return subprocess.run(
            [WEIR, "replay", *words],
            env=self.environment | own,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def json(self, *words: str) -> Any:
        done = self(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.mark.usefixtures("stored")
def test_an_alias_rewrites_history(warehouse: WarehouseSettings, client: Client, tmp_path: Path) -> None:
    weir = Weir(warehouse, tmp_path)
    before = client.query(CHANNELS).result_rows
    assert weir.json(*SPAN, "--dry-run") == {"records": 120, "changed": 0, "changes": []}

    taxonomy = tmp_path / "taxonomy.yml"
    weir.environment["WEIR_TAXONOMY"] = str(taxonomy)
    taxonomy.write_text(with_alias(DEFAULT_TAXONOMY.read_text()))
    flyers = [offset for offset in range(40) if offset % 4 == 1 and offset % 13 != 12]
    dry = weir.json(*SPAN, "--dry-run")
    assert dry["changed"] == 3 * len(flyers)
    assert {change["what"]: change["records"] for change in dry["changes"]} == {
        "channel": 3 * len(flyers),
        "utm_medium": 3 * len(flyers),
    }
    assert client.command("SELECT max(edition) FROM events") == 0
    assert weir.json() == []

    died = weir(*SPAN, failpoint="before-insert:2")
    assert died.returncode == -signal.SIGKILL
    assert client.query(CHANNELS).result_rows == before
    written = weir.json(*SPAN)
    assert (written["edition"], written["state"]) == (1, "written")
    assert {name: written[name] for name in dry} == dry
    assert client.query(CHANNELS).result_rows == before

    assert weir("--switch", "1").returncode == 0
    changed = client.query("SELECT kafka_offset, channel FROM v_events WHERE utm_medium = 'email'").result_rows
    assert {tuple(row) for row in changed} >= {(offset, "Email") for offset in flyers}
    assert client.query(CHANNELS).result_rows != before
    assert [replay["switched"] for replay in weir.json()] == [True]
    refused = weir("--drop", "1")
    assert refused.returncode == 1
    assert "weir replay --undo 1" in refused.stderr

    assert weir("--undo", "1").returncode == 0
    assert client.query(CHANNELS).result_rows == before


@pytest.mark.usefixtures("stored")
def test_an_enricher_of_ones_own_rewrites_history(warehouse: WarehouseSettings, client: Client, tmp_path: Path) -> None:
    weir = Weir(warehouse, tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    weir.environment["WEIR_ENRICHERS"] = f"{tmp_path / 'own.py'}:score"
    written = weir.json(*SPAN)
    assert weir("--switch", str(written["edition"])).returncode == 0
    found = client.query(
        "SELECT verdict, extra['seq'], has(reasons, 'own:late'), kafka_offset FROM v_events WHERE outcome != 'dead'"
    ).result_rows
    assert len(found) == 3 * 37
    assert all((seq, late) == (str(offset + 1), offset >= 20) for _, seq, late, offset in found)
    assert {verdict for verdict, _, late, offset in found if late and offset % 5} == {"suspect"}


OWN = """
from streams.extension import Added, OwnReason, Verdict

def score(click):
    return Added({"seq": str(click.seq)}, (OwnReason("late", Verdict.SUSPECT, 5),) if click.seq > 20 else ())
"""


def with_alias(taxonomy: str) -> str:
    """The taxonomy with one more spelling of email."""
    before, medium, after = taxonomy.partition("\nmedium:\n  email: [")
    return f"{before}{medium}flugblatt, {after}"


def test_what_can_not_be_done_is_said(warehouse: WarehouseSettings, tmp_path: Path) -> None:
    weir = Weir(warehouse, tmp_path)
    for words, said in (
        (("--switch", "3"), "There is no edition 3"),
        (("--from", "yesterday"), "2026-11-01T09:30"),
        (("--switch", "3", "--drop", "3"), "Give one of"),
        (("--dry-run",), "Give one of"),
        (SPAN, "Kafka took nothing in that time"),
    ):
        done = weir(*words)
        assert done.returncode != 0
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert "Nothing was replayed yet" in weir().stdout


@pytest.mark.kafka
def test_workers_go_on_counting_beside_a_replay(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They start again where the ledger ends, and what they add is in the answers beside the edition."""
    monkeypatch.setattr(replay, "CALM", timedelta(hours=-1))
    monkeypatch.setattr(replay, "configure", lambda _: None)  # it would be all later tests' too
    send(kafka, *(click(seq, query="utm_medium=flugblatt") for seq in range(1, 101)))
    wait_for(client, 100)
    taxonomy = worker.log.with_name("taxonomy.yml")
    taxonomy.write_text(with_alias(DEFAULT_TAXONOMY.read_text()))
    environment = environment_of(kafka, warehouse) | {"WEIR_TAXONOMY": str(taxonomy)}
    environment["WEIR_GEO_DIR"] = str(taxonomy.parent)
    done = CliRunner().invoke(replay.command, ["--from", "2026-01-01", "--yes"], env=environment)
    assert done.exit_code == 0, done.output
    send(kafka, *(click(seq, query="utm_medium=flugblatt") for seq in range(101, 151)))
    wait_for(client, 250)
    worker.kill()
    worker.restart()
    send(kafka, *(click(seq) for seq in range(151, 161)))
    wait_for(client, 260)
    channels = client.query("SELECT channel, count() FROM v_events GROUP BY channel").result_rows
    assert dict(map(tuple, channels)) == {"Email": 100, "Direct": 60}
    assert audited(kafka, warehouse).adds_up
    assert sum(partition.rows for partition in audited(kafka, warehouse).partitions) == 160
