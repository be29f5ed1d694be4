"""`weir bench audit`, as small as it gets: the ledger that it generates adds up, until a row is doubled."""

import json
from pathlib import Path

from click.testing import CliRunner

from deploy.commands.bench import command


def test_the_generated_ledger_adds_up_and_a_mark_leaves_little_to_read(tmp_path: Path) -> None:
    ran = CliRunner().invoke(
        command, ["audit", "--rows", "40000", "--rounds", "1", "--json", "--data", str(tmp_path / "bench")]
    )
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.stdout)
    rows = report["rows"]
    assert (rows, report["sources"]) == (37_440, 720)
    read = [audit["rows_read"] for audit in report["audits"]]
    assert read == [2 * rows, 0, 2 * 32, rows + 2 * 32 + 1]
    assert [audit["adds_up"] for audit in report["audits"]] == [True, True, True, False]
