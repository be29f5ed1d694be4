from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from api.query.zones import is_made_of

QUARTER, HOUR = 900, 3600


@pytest.mark.parametrize(
    ("zone", "year", "quarters", "hours"),
    [
        ("UTC", 2026, True, True),
        ("America/New_York", 2026, True, True),
        ("Asia/Kathmandu", 2026, True, False),
        ("Asia/Kolkata", 2026, True, False),
        ("Australia/Lord_Howe", 2026, True, False),
        ("America/St_Johns", 2010, False, False),  # its clocks shifted a minute after midnight
        ("America/St_Johns", 2013, True, False),
        ("Africa/Monrovia", 1971, False, False),  # -0:44:30
    ],
)
def test_a_zone_is_made_of_grains(zone: str, year: int, quarters: bool, hours: bool) -> None:
    span = datetime(year, 3, 1, tzinfo=UTC), datetime(year, 12, 1, tzinfo=UTC)
    assert is_made_of(ZoneInfo(zone), QUARTER, *span) is quarters
    assert is_made_of(ZoneInfo(zone), HOUR, *span) is hours


def test_one_odd_year_is_enough() -> None:
    span = datetime(2010, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    assert not is_made_of(ZoneInfo("America/St_Johns"), QUARTER, *span)
