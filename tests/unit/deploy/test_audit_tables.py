"""The audit as a person reads it."""

from datetime import UTC, datetime

import pytest
from rich.console import Console

from deploy.audit_tables import SHOWN, show
from warehouse.audit.findings import Audit, SourceAudit

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_AGO = int(NOW.timestamp()) - 3600


def shown(capsys: pytest.CaptureFixture[str], *sources: SourceAudit) -> str:
    show(Audit([], sources, taken_at=NOW), Console(width=400))
    return capsys.readouterr().out


def source(*, closed: bool = False, last: int = 9, heard: int | None = LONG_AGO) -> SourceAudit:
    return SourceAudit(src=7, mark=5, closed=closed, last=last, heard=heard)


def test_a_redirector_that_died_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, source())
    assert "source 0000000007: open, not heard of since 2026-11-22T11:00Z: not proven beyond number 5." in said
    assert "WEIR_SPOOL" in said
    assert "not heard of for long" in shown(capsys, source(heard=None))


def test_a_spool_that_lost_its_end_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "source 0000000007: not proven beyond number 9: its spool" in shown(capsys, source(closed=True))


@pytest.mark.parametrize("one", [source(closed=True, last=5), source(heard=int(NOW.timestamp()))])
def test_nothing_is_said_of_one_that_ended_or_lives(capsys: pytest.CaptureFixture[str], one: SourceAudit) -> None:
    assert "source 0" not in shown(capsys, one)


def test_it_does_not_name_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, *[source()] * (SHOWN + 3))
    assert said.count("source 0") == SHOWN
    assert "3 more sources are not proven" in said
