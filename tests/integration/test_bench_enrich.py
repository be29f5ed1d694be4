"""`weir bench enrich`, as small as it gets: every step is there, and the steps add up."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = ("decode", "windows", "user_agent", "geo", "referrer", "parameters", "utm", "click_ids", "channel")


def test_the_steps_add_up_and_enough_queries_are_unique(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- enrich -->\n<!-- /enrich -->\nafter\n")
    small = ("--clicks", "4000", "--batch", "2000", "--rounds", "1", "--geo", str(tmp_path), "--save", str(page))
    ran = subprocess.run(
        [sys.executable, "-m", "deploy", "bench", "enrich", *small, "--json"],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    report = json.loads(ran.stdout)
    assert report["unique_queries"] >= 0.3
    assert report["databases"] == 0
    assert report["reached"] in ("goal", "missed")
    for cost in (report["warm"], report["cold"]):
        assert tuple(cost["steps"])[: len(STEPS)] == STEPS
        sum_ = sum(step["median"] for step in cost["steps"].values())
        assert sum_ == pytest.approx(cost["total"]["median"])
        assert cost["steps"]["decode"]["median"] > 0
    assert "| decode | " in page.read_text()
    assert page.read_text().endswith("\n<!-- /enrich -->\nafter\n")
