"""`weir dead` on a real Kafka and the real engine: letters are shown, what can be read goes back, once."""

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer

from deploy.commands.dead import command
from ingest.kafka import CLICKS_DEAD, KafkaSettings
from streams.letters import DeadRecord
from tests.fixtures.services import Service, environment_of
from tests.integration.test_pipeline import audited, click, client, send, wait_for, worker
from warehouse.settings import WarehouseSettings

__all__ = ["client", "worker"]

pytestmark = pytest.mark.kafka


class Dead:
    """Runs `weir dead` with the test's servers."""

    def __init__(self, *settings: Any) -> None:
        self.environment = environment_of(*settings)

    def __call__(self, *words: str) -> str:
        done = CliRunner().invoke(command, words, env=self.environment, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


def told(kafka: KafkaSettings, letters: int) -> list[DeadRecord]:
    """The first letters in the topic."""
    consumer = Consumer({**kafka.librdkafka(), "group.id": "letters", "auto.offset.reset": "earliest"})
    consumer.subscribe([kafka.topic(CLICKS_DEAD.name)])
    found = [consumer.poll(30) for _ in range(letters)]
    consumer.close()
    return [msgspec.json.decode(message.value() or b"", type=DeadRecord) for message in found if message]


def outcomes(client: Client) -> Counter[str]:
    return Counter(client.query("SELECT toString(outcome) FROM events").result_columns[0])


def test_what_can_be_read_by_now_goes_back_and_counts_once(
    kafka: KafkaSettings, warehouse: WarehouseSettings, client: Client, worker: Service
) -> None:
    client.command("ALTER TABLE events ADD CONSTRAINT own CHECK path != '/refused'")
    refused = [click(seq, path="/refused") for seq in range(1, 4)]
    send(kafka, b'{"from":"203.0.113.77"', *refused, *(click(seq) for seq in range(4, 10)))
    wait_for(client, 10)
    assert outcomes(client) == {"dead": 4, "human": 6}
    assert Counter(one.reason for one in told(kafka, 4)) == {"not_json": 1, "unstorable": 3}
    client.command("ALTER TABLE events DROP CONSTRAINT own")

    dead = Dead(kafka, warehouse)
    shown = dead.json("show", "--reason", "not_json")
    assert [(count["stage"], count["letters"]) for count in shown["counts"]] == [("decode", 1)]
    assert shown["letters"][0]["payload"] == '{"from":"203.0.113.0"'
    assert "insert" in dead("show", "--stage", "insert")

    waiting = {"readable": {"unstorable": 3}, "unreadable": {"not_json": 1}, "cut": {}}
    assert dead.json("replay", "--dry-run") == waiting
    assert client.command("SELECT max(replayed_at) FROM dead_letters") == client.command("SELECT toDateTime64(0, 3)")
    assert dead.json("replay") == waiting
    wait_for(client, 13)
    assert outcomes(client) == {"dead": 4, "human": 9}

    assert dead.json("replay")["readable"] == {}
    client.command(
        "INSERT INTO dead_letters SELECT * REPLACE (now64(3) AS written_at, 0 AS replayed_at) FROM dead_letters FINAL"
    )
    assert dead.json("replay")["readable"] == {"unstorable": 3}  # as after a crash before they were marked
    wait_for(client, 16)
    assert outcomes(client) == {"dead": 4, "human": 9, "duplicate": 3}
    assert audited(kafka, warehouse).adds_up
