"""Times on the command line."""

from datetime import UTC, datetime

import click
import pytest

from deploy.moment import moment


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-01", datetime(2026, 10, 31, 18, 15, tzinfo=UTC)),
        ("2026-11-01T09:30", datetime(2026, 11, 1, 3, 45, tzinfo=UTC)),
        ("2026-11-01T09:30+02:00", datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_of_the_installations_zone(
    text: str, meant: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_TIME_ZONE", "Asia/Kathmandu")
    assert moment(text) == meant


def test_what_is_no_time_is_refused_with_an_example() -> None:
    with pytest.raises(click.BadParameter, match="last week is no time; it is written like 2026-11-01"):
        moment("last week")
