"""The columns that are copied: every field of the raw click arrives in its column, in ClickHouse's units."""

import pytest

from ingest.events import Kind, RawClick
from streams.raw import RawColumns, salt_day_number
from tests.unit.streams.clicks import click
from warehouse.events import RAW_COLUMNS

FULL = RawClick(
    kind=Kind.CLICK, src=3, seq=4, mark=5, resent=True, ts=6, domain="d", path="/p", status=302,
    link_id="000000000000000a", link_version=7, variant="b", destination="https://x.example/", network="192.0.2.0/24",
    address_id="00000000000000ff", visitor_id="ffffffffffffffff", salt_day="1970-01-03", salt_local=True,
    opted_out=True, user_agent="ua", hints={"mobile": "?1"}, referrer="r", language="en", purpose="p", query="q",
    position=1, position_of=2, slot="s", message="m", recipient="rc", sent_at=9, channel="Email", qr=True, trap=True,
)  # fmt: skip


def test_every_field_arrives_in_its_column() -> None:
    gathered = RawColumns()
    gathered.extend([FULL])
    columns = gathered.columns()
    assert tuple(columns) == ("kind", *RAW_COLUMNS)
    assert {name: column[0] for name, column in columns.items()} == {
        "kind": "click", "src": 3, "seq": 4, "mark": 5, "resent": True, "ts": 6, "domain": "d", "path": "/p",
        "status": 302, "link_id": 10, "link_version": 7, "variant": "b", "destination": "https://x.example/",
        "network": "192.0.2.0/24", "address_id": 255, "visitor_id": 2**64 - 1, "salt_day": 2, "salt_local": True,
        "opted_out": True, "user_agent": "ua", "hints": (("mobile", "?1"),), "referrer": "r", "accept_language": "en",
        "purpose": "p", "query": "q", "position": 1, "position_of": 2, "slot": "s", "message_id": "m",
        "recipient_id": "rc", "sent_at": 9, "asked_channel": "Email", "qr": True, "trap": True,
    }  # fmt: skip


def test_days_are_counted_from_1970() -> None:
    assert salt_day_number("") == 0
    assert salt_day_number("1970-01-02") == 1
    with pytest.raises(ValueError, match="Invalid isoformat"):
        salt_day_number("yesterday")


@pytest.mark.parametrize("field", ["link_id", "visitor_id", "address_id"])
@pytest.mark.parametrize("wrong", ["not a hex number", "00 00 00 00 00 0", "00000000000000"])
def test_nothing_is_taken_of_clicks_one_of_which_has_a_wrong_id(field: str, wrong: str) -> None:
    gathered = RawColumns()
    with pytest.raises(ValueError, match="hexadecimal"):
        gathered.extend([FULL, click(**{field: wrong})])
    assert {len(column) for column in gathered.columns().values()} == {0}
