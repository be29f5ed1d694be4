"""The mock cluster as a process: real clients reach it, and it ends when it is asked to."""

import time
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.guardian import Guardian
from deploy.process import Process
from deploy.stack import MOCK
from ingest.kafka import CLICKS_RAW


def test_clients_of_other_processes_reach_it(tmp_path: Path) -> None:
    address, guardian = tmp_path / "address", Guardian()
    process = Process((*MOCK, str(address)), guardian=guardian, log=tmp_path / "mock.log")
    try:
        limit = time.monotonic() + 20
        while not address.exists():
            assert time.monotonic() < limit, process.tail()
            time.sleep(0.05)
        connection: dict[str, str | int | float | bool] = {"bootstrap.servers": address.read_text()}
        producer = Producer(connection)
        producer.produce(CLICKS_RAW.name, b"click", partition=0)
        assert producer.flush(10) == 0
        consumer = Consumer({**connection, "group.id": "test", "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(CLICKS_RAW.name, 0, 0)])
        assert [message.value() for message in consumer.consume(1, timeout=10)] == [b"click"]
        consumer.close()
        assert process.stop(5)
        assert process.exit_code == 0
    finally:
        process.stop(0)
        guardian.close()
