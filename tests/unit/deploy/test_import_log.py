"""The command as far as it goes without Kafka."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.commands.import_log import command
from deploy.preflight import free_port

GOOD = '203.0.113.9 - - [10/Oct/2026:13:55:36 +0000] "{} HTTP/1.1" {} 0 "-" "Mozilla/5.0"\n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    lines = [GOOD.format("GET /a", 302)] * 3 + [GOOD.format("GET /b", 404), GOOD.format("GET /c", 410)]
    path.write_text("".join([*lines, GOOD.format("HEAD /a", 302), "203.0.113.77 junk\n", "\x1b[31m203.0.113.78\n"]))
    return path


def test_a_dry_run_counts_sends_nothing_and_keeps_nothing(log: Path) -> None:
    result = CliRunner().invoke(command, ["--dry-run", "--json", str(log)])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    numbers = {name: summary[name] for name in ("lines", "events", "click", "orphan", "expired", "skipped_head")}
    assert numbers == {"lines": 8, "events": 5, "click": 3, "orphan": 1, "expired": 1, "skipped_head": 1}
    assert summary["rejected"] == {"not a line of the combined format": 2}
    assert summary["from"] == summary["to"] == "2026-10-10T13:55:36Z"
    assert list(log.parent.iterdir()) == [log]


def test_what_a_person_reads(log: Path) -> None:
    result = CliRunner().invoke(command, ["--dry-run", str(log)])
    assert "8 lines, 5 would become events" in result.stdout
    assert "line 7: not a line of the combined format: '203.0.113.0 junk'" in result.stdout
    assert "203.0.113.77" not in result.output
    assert "\x1b[31m" not in result.output
    assert "acknowledged" not in result.stdout


def test_two_files_are_two_lines_of_json(log: Path) -> None:
    result = CliRunner().invoke(command, ["--dry-run", "--json", str(log), str(log)])
    assert [json.loads(line)["lines"] for line in result.stdout.splitlines()] == [8, 8]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--domain", "no host"], "'--domain'"),
        (["missing.log"], "does not exist"),
        ([], "Missing argument"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], said: str, log: Path) -> None:
    result = CliRunner().invoke(command, [*arguments, *([str(log)] if "--domain" in arguments else [])])
    assert result.exit_code == 2
    assert said in result.output


def test_no_kafka_is_said_with_what_to_do(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.imports.outbox.CONNECT_SECONDS", 0.5)
    result = CliRunner().invoke(command, [str(log)], env={"WEIR_KAFKA": f"127.0.0.1:{free_port()}"})
    assert result.exit_code == 1
    assert "(WEIR_KAFKA) does not answer" in result.output
    assert "import the file again" in result.output
    assert list(log.parent.iterdir()) == [log]
