"""Where a record stands in the log, and what is kept of one that can't be decoded."""

from uuid import UUID

from streams.batch import Records
from streams.decode import decode_records
from streams.rows import dead_letter_columns, log_columns
from tests.unit.streams.test_decode import LogRecord


def test_a_record_is_placed_in_the_log() -> None:
    columns = log_columns(UUID(int=1), 2, Records.of([LogRecord(b"", offset=5, timestamp=1500)]), 1)
    assert {name: column[0] for name, column in columns.items()} == {
        "topic_id": UUID(int=1), "kafka_partition": 2, "kafka_offset": 5, "edition": 0, "append_time": 1500,
        "batch_time": 1,
    }  # fmt: skip


def test_the_dead_leave_their_payload() -> None:
    records = Records.of([LogRecord(b"?", offset=5, headers=[("src", b"7"), ("seq", b"9")])])
    letters = dead_letter_columns(UUID(int=1), 2, records, decode_records(records).dead)
    assert letters["kafka_offset"] == [5]
    assert letters["reason"] == ["not_json"]
    assert (letters["src"], letters["seq"]) == ([7], [9])
    assert letters["payload"] == [b"?"]
    assert letters["payload_size"] == [1]
