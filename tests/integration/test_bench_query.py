"""`weir bench query`, as small as it gets: what is rolled answers as raw does, and less is read for it."""

import json
from pathlib import Path

from click.testing import CliRunner

from deploy.commands.bench import command


def test_rollups_answer_as_raw_does_and_read_less(tmp_path: Path) -> None:
    words = ["query", "--clicks", "100000", "--rounds", "1", "--times", "1", "--seconds", "1", "--only", "Q1,Q2,S1"]
    ran = CliRunner().invoke(command, [*words, "--json", "--data", str(tmp_path / "bench")])
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.stdout)
    (answers,) = report["answers"]
    rolled, raw = answers["asked"]["channels"], answers["raw"]
    assert rolled["answer"] == raw["answer"]
    assert raw["rows_read"] >= 100_000 > 2 * rolled["rows_read"] > 0
    assert report["sizes"]["100000"]["tables"]["rollup_channels"]["rows"] > 0
    assert {ratio["number"] for ratio in report["ratios"]} == {"Q1", "Q2", "S1"}
