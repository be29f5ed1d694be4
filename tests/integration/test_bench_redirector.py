"""`weir bench redirector`, as small as it gets: everybody runs, and every click is looked up in Kafka."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.commands.bench import command

pytestmark = pytest.mark.kafka


def test_everybody_runs_and_every_click_is_found_in_kafka(tmp_path: Path) -> None:
    small = ["--links", "100", "--rounds", "1", "--seconds", "1", "--connections", "4", "--rate", "100"]
    ran = CliRunner().invoke(command, ["redirector", *small, "--json", "--data", str(tmp_path / "bench")])
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.stdout)
    numbers = [ratio["number"] for ratio in report["ratios"]]
    assert numbers == ["–", "–", "R1", "R1", "R3", "R3", "R3"]
    assert all(ratio["values"]["median"] > 0 for ratio in report["ratios"][:-1])
    assert report["ratios"][-1]["values"]["greatest"] == 0
    titles = {one["title"] for one in report["absolutes"]}
    assert {"Weir's redirector, as much as it takes", "bare uvicorn, as much as it takes"} <= titles
    assert {"redirector, 100 requests/s", "redirector, Kafka hangs, 100 requests/s"} <= titles
    assert report["clicks"] >= 300


def test_links_are_loaded_from_kafka_and_from_the_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.links.SETTLE_SECONDS", 0)
    ran = CliRunner().invoke(command, ["links", "--links", "500", "--json", "--data", str(tmp_path / "bench")])
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.stdout)
    assert [start["links"] for start in report["starts"]] == [0, 500, 500]
    assert all(start["seconds"] > 0 and start["resident"] > 0 for start in report["starts"])
    assert report["snapshot"] > 500 * 100
    assert report["look_up"] > 0
