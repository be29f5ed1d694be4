"""`weir try`: sample clicks go through the real chain as one log, each is explained, and a bad line is named."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from deploy.cli import weir
from deploy.trial import BadLine, Line, read
from ingest.events import decode
from streams.enriched import EnrichedClick
from streams.enriched import decode as decode_enriched

NOW = 1_790_000_000_000
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
SCANNER = {"user_agent": CHROME, "message": "m1", "recipient": "r1", "address_id": "00000000000000aa"}

OWN = """
from streams.extension import Added, OwnReason, Verdict

FRAUD = OwnReason("fraud", Verdict.SUSPECT, 60)

def score(click):
    return Added({"size": str(100 // click.position)}, (FRAUD,))
"""


@pytest.fixture(autouse=True)
def _own_settings_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.setattr("deploy.commands.try_.configure", lambda _: None)  # it would be all later tests' too
    with capture_logs():
        yield


def run(*clicks: dict[str, Any] | str, words: tuple[str, ...] = (), **environment: str) -> Result:
    text = "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in clicks)
    settings = {f"WEIR_{name.upper()}": value for name, value in environment.items()}
    return CliRunner().invoke(weir, ["try", "-", *words], input=text, env=settings)


def rows(*clicks: dict[str, Any] | str, **environment: str) -> list[EnrichedClick]:
    result = run(*clicks, words=("--json",), **environment)
    assert result.exit_code == 0, result.output
    return [decode_enriched(line) for line in result.stdout.splitlines()]


def test_absent_fields_have_their_defaults() -> None:
    [line] = read([b"\n", b"{}\n"], NOW)
    assert isinstance(line, Line)
    click = decode(line.record.value or b"")
    assert (line.number, click.kind, click.src, click.seq, click.ts) == (2, "click", 1, 2, NOW)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "no JSON object"),
        (b"\xff", "no JSON object"),
        (b"[1]", "no JSON object"),
        (b'{"seq": 0}', "$.seq"),
        (b'{"kind": "visit"}', "$.kind"),
        (b'{"link_id": "zz"}', "16 hexadecimal digits"),
        (b'{"salt_day": "soon"}', "soon"),
    ],
)
def test_a_bad_line_is_named_and_no_record(line: bytes, reason: str) -> None:
    bad, good = read([line, b"{}"], NOW)
    assert isinstance(bad, BadLine)
    assert bad.number == 1
    assert reason in bad.reason
    assert isinstance(good, Line)
    assert (good.number, good.record.offset) == (2, 0)


def test_each_click_is_one_row_in_order() -> None:
    found = rows({"ts": NOW, "user_agent": CHROME, "query": "utm_source=Newsletter"}, {"user_agent": "curl/8"})
    assert [(row.kafka_offset, row.outcome, row.channel) for row in found] == [
        (0, "human", "Email"),
        (1, "bot", "Direct"),
    ]
    assert (found[0].browser, found[0].ts, found[0].append_time) == ("Chrome", NOW, NOW)
    assert "known_crawler" in found[1].reasons


def test_the_file_is_one_log_with_its_windows() -> None:
    burst = [{**SCANNER, "link_id": f"{link:016x}", "ts": NOW + link * 300} for link in (1, 2, 3)]
    person = {"user_agent": CHROME, "visitor_id": "00000000000000bb", "link_id": "00000000000000cc"}
    found = rows(*burst, {**person, "ts": NOW}, {**person, "ts": NOW + 5000}, {**person, "ts": NOW + 11_000})
    assert [row.outcome for row in found] == ["bot", "bot", "bot", "human", "repeat", "human"]
    assert found[0].reasons == ("burst",)


def test_the_same_click_again_is_a_duplicate() -> None:
    found = rows({"seq": 7, "user_agent": CHROME}, {"seq": 7, "user_agent": CHROME, "resent": True})
    assert [row.outcome for row in found] == ["human", "duplicate"]


def test_own_enrichers_take_part() -> None:
    position = {"user_agent": CHROME, "position": 4, "position_of": 10}
    [row, without] = rows(position, {"user_agent": CHROME}, enrichers="own.py:score")
    assert (row.extra, row.verdict, row.reasons, row.score) == ({"size": "25"}, "suspect", ("own:fraud",), 60)
    assert (without.extra, without.verdict) == ({}, "human")


def test_every_step_that_adds_something_is_shown_and_why_the_verdict() -> None:
    result = run(
        {"ts": NOW, "domain": "go.example", "path": "/a", "user_agent": CHROME, "position": 4, "position_of": 10},
        {"visitor_id": "00000000000000bb", "user_agent": CHROME},
        {"visitor_id": "00000000000000bb", "user_agent": "curl/8"},
        {"visitor_id": "00000000000000bb", "user_agent": CHROME},
        enrichers="own.py:score",
    )
    assert result.exit_code == 0
    first, second, third, fourth = (part.splitlines() for part in result.stdout.strip().split("\n\n"))
    assert [" ".join(line.split()) for line in first] == [
        "line 1 2026-09-21 14:13:20 UTC click go.example/a",
        "user_agent device desktop · browser Chrome · browser_version 141.0 · os Windows · os_version 10",
        "channel channel Direct",
        "position placement 2nd 20%",
        "own.py:score extra.size 25",
        "judge suspect, score 60: own:fraud (suspect 60)",
    ]
    assert second[-1].endswith("human, score 0: no reason against it")
    assert "known_crawler (bot 100); http_library (bot 95)" in third[-1]
    assert fourth[-1].endswith("repeat, score 0: the same visitor on the same link again within WEIR_REPEAT_WINDOW")


def test_a_bad_line_is_told_the_others_go_on_and_the_exit_code_is_1() -> None:
    result = run("{", {"user_agent": CHROME, "useragent": ""}, words=("--json",))
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "line 1: no JSON object" in result.stderr
    assert "line 2: a raw click has no field useragent; ignored" in result.stderr


def test_an_empty_file_is_no_error() -> None:
    for words in ((), ("--json",)):
        result = run(words=words)
        assert (result.exit_code, result.stdout) == (0, "")


def test_a_wrong_enricher_and_a_wrong_taxonomy_are_told() -> None:
    assert "Error: WEIR_ENRICHERS: none.py:score: there is no file" in run({}, enrichers="none.py:score").stderr
    assert run({}, taxonomy="none.yml").stderr.startswith("Error: ")


def test_what_a_click_holds_can_not_write_over_the_screen() -> None:
    assert "\x1b" not in run({"path": "/\x1b[2J", "query": "utm_source=\x1b[2J"}).stdout


def test_what_is_logged_is_not_among_the_rows(tmp_path: Path) -> None:
    weir = Path(sys.executable).with_name("weir")
    environment = {"WEIR_ENRICHERS": "own.py:score", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [weir, "try", "--json", "-"], check=False, input=b"{}\n", capture_output=True, cwd=tmp_path, env=environment
    )
    assert [decode_enriched(line).kafka_offset for line in done.stdout.splitlines()] == [0]
    assert b"an enricher is left out" in done.stderr
