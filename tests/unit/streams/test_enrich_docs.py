"""docs/enrichment.md has a paragraph an enricher, and the judge's and the channels' tables as the code has them."""

from pathlib import Path

import pytest

from streams.enrich.chain import enrichers
from streams.enrich.channel import RULES
from streams.judge.reasons import WEIGHTS, Reason

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "enrichment.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("enricher", enrichers(), ids=lambda one: type(one).__name__)
def test_each_enricher_has_its_paragraph(enricher: object) -> None:
    assert f"\n## {type(enricher).__module__.rpartition('.')[2]}\n" in TEXT


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_is_published_with_its_weight(reason: Reason) -> None:
    weight = WEIGHTS[reason]
    assert f"\n| `{reason.value}` | {weight.verdict.value} | {weight.score} | " in TEXT


@pytest.mark.parametrize(("place", "name"), [(i, name.value) for i, (name, _) in enumerate(RULES, start=1)])
def test_each_channel_is_published_in_its_place(place: int, name: str) -> None:
    assert f"\n| {place} | {name} | " in TEXT
