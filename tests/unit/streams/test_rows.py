"""The columns that are copied: every field of the raw click arrives in its column, in ClickHouse's units."""

from uuid import UUID

from ingest.events import Kind, RawClick
from streams.decode import decode_records
from streams.rows import bury, dead_letter_columns, log_columns, raw_columns
from tests.unit.streams.test_decode import LogRecord
from warehouse.events import RAW_COLUMNS, Outcome, Verdict

FULL = RawClick(
    kind=Kind.CLICK, src=3, seq=4, mark=5, resent=True, ts=6, domain="d", path="/p", status=302,
    link_id="000000000000000a", link_version=7, variant="b", destination="https://x.example/", network="192.0.2.0/24",
    address_id="00000000000000ff", visitor_id="ffffffffffffffff", salt_day="1970-01-03", salt_local=True,
    opted_out=True, user_agent="ua", hints={"mobile": "?1"}, referrer="r", language="en", purpose="p", query="q",
    position=1, position_of=2, slot="s", message="m", recipient="rc", sent_at=9, channel="Email", qr=True, trap=True,
)  # fmt: skip


def test_every_field_arrives_in_its_column() -> None:
    columns = raw_columns([FULL])
    assert tuple(columns) == RAW_COLUMNS
    assert {name: column[0] for name, column in columns.items()} == {
        "src": 3, "seq": 4, "mark": 5, "resent": True, "ts": 6, "domain": "d", "path": "/p", "status": 302,
        "link_id": 10, "link_version": 7, "variant": "b", "destination": "https://x.example/",
        "network": "192.0.2.0/24", "address_id": 255, "visitor_id": 2**64 - 1, "salt_day": 2, "salt_local": True,
        "opted_out": True, "user_agent": "ua", "hints": {"mobile": "?1"}, "referrer": "r", "accept_language": "en",
        "purpose": "p", "query": "q", "position": 1, "position_of": 2, "slot": "s", "message_id": "m",
        "recipient_id": "rc", "sent_at": 9, "asked_channel": "Email", "qr": True, "trap": True,
    }  # fmt: skip


def test_a_record_is_placed_in_the_log() -> None:
    columns = log_columns(UUID(int=1), 2, [LogRecord(b"", offset=5, timestamp=1500)], 1)
    assert {name: column[0] for name, column in columns.items()} == {
        "topic_id": UUID(int=1), "kafka_partition": 2, "kafka_offset": 5, "edition": 0, "append_time": 1500,
        "batch_time": 1,
    }  # fmt: skip


def test_the_dead_count_as_dead_and_leave_their_payload() -> None:
    records = [LogRecord(b"?", offset=5)]
    decoded = decode_records(records)
    columns: dict[str, list[object]] = {
        "kind": ["click"],
        "outcome": ["bot"],
        "verdict": ["bot"],
        "score": [9],
        "reasons": [["x"]],
    }
    bury(columns, decoded.dead)
    assert columns == {
        "kind": ["unknown"], "outcome": [Outcome.DEAD], "verdict": [Verdict.NONE], "score": [0], "reasons": [[]],
    }  # fmt: skip
    letters = dead_letter_columns(UUID(int=1), 2, records, decoded.dead)
    assert letters["kafka_offset"] == [5]
    assert letters["reason"] == ["not_json"]
    assert letters["payload"] == [b"?"]
    assert letters["payload_size"] == [1]
