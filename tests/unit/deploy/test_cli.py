"""The command line itself: everything is explained, and what can't be done is said without a traceback."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import click
import pytest

from deploy import topics
from deploy.cli import every_command, main

WEIR = Path(sys.executable).with_name("weir")
NOWHERE = {"WEIR_KAFKA": "127.0.0.1:1", "WEIR_CLICKHOUSE": "http://127.0.0.1:1", "WEIR_API": "http://127.0.0.1:1"}


@dataclasses.dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: object
    out: str
    err: str


class Run(Protocol):
    """Runs the command line with nothing in the environment but these settings."""

    def __call__(self, words: str, **environment: str) -> Done: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(words: str, **environment: str) -> Done:
        for name in os.environ:
            if name.startswith("WEIR_"):
                monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["weir", *words.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code, *capsys.readouterr())

    return run


@pytest.mark.parametrize(("words", "command"), [pytest.param(*found, id=found[0]) for found in every_command()])
def test_every_command_and_every_option_of_it_is_explained(words: str, command: click.Command) -> None:
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not (option.help or "").endswith((".", "]", "…"))] == []


@pytest.mark.parametrize(
    ("words", "nearest"),
    [("qury", "`query`"), ("link", "`links`"), ("links ad", "`add`"), ("data lst", "`list`"), ("xyzzy", "")],
)
def test_an_unknown_command_is_answered_with_the_nearest(run: Run, words: str, nearest: str) -> None:
    done = run(words)
    assert done.code == 2
    assert f"No such command '{words.rsplit(maxsplit=1)[-1]}'." in done.err
    assert (f"Did you mean {nearest}" in done.err) == bool(nearest)


@pytest.mark.parametrize(
    ("words", "say"),
    [
        ("audit", "No ClickHouse answers at http://127.0.0.1:1"),
        ("migrate", "No ClickHouse answers at http://127.0.0.1:1"),
        ("topics", "Kafka at 127.0.0.1:1 (WEIR_KAFKA)"),
        ("query", "No API answers at http://127.0.0.1:1"),
        ("links list", "No API answers at http://127.0.0.1:1"),
        ("traffic --clicks 1 --url http://127.0.0.1:1", "No redirector answers at http://127.0.0.1:1"),
        ("traffic --clicks 1 --manifest /dev/null/x", "/dev/null/x: Not a directory"),
    ],
)
def test_without_servers_it_is_said_what_is_missing_and_nothing_else(
    run: Run, words: str, say: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "SECONDS", 1.0)
    monkeypatch.chdir(tmp_path)
    done = run(words, WEIR_DATA=str(tmp_path), **NOWHERE)
    assert done.code == 1
    assert done.err.startswith(f"Error: {say}")
    assert "`weir up`" in done.err or "Choose another" in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("variable", "value", "say"),
    [
        ("WEIR_CLICKHOUSE", "ftp://x", "String should match pattern"),
        ("WEIR_CLICKHOUSE_CA", "/nowhere/ca.pem", "no certificate can be read from /nowhere/ca.pem: No such file"),
        ("WEIR_CLICKHOUSE_CA", __file__, f"no certificate can be read from {__file__}"),
        ("WEIR_KAFKA_SSL_CA", "/nowhere/ca.pem", "no certificate can be read from /nowhere/ca.pem: No such file"),
        ("WEIR_KAFKA_SSL_CA", __file__, f"no certificate can be read from {__file__}"),
        ("WEIR_KAFKA_SSL_KEY", "/nowhere/key.pem", "there is no file /nowhere/key.pem that can be read"),
        ("WEIR_KAFKA_SECURITY_PROTOCOL", "TLS", "Input should be 'PLAINTEXT'"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(run: Run, variable: str, value: str, say: str, tmp_path: Path) -> None:
    done = run("audit", **{"WEIR_DATA": str(tmp_path), **NOWHERE, variable: value})
    assert done.code == os.EX_CONFIG
    assert f"{variable}: {say}" in done.err


def test_what_programs_read_is_on_stdout_alone(run: Run, tmp_path: Path) -> None:
    assert run("data list --json", WEIR_GEO_DIR=str(tmp_path)) == Done(0, "[]\n", "")


def test_a_certificate_that_is_none_ends_a_service_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text("no certificate")
    tls = {"WEIR_KAFKA_SECURITY_PROTOCOL": "SSL", "WEIR_KAFKA_SSL_CERTIFICATE": str(tmp_path / "client.pem")}
    environment = {**os.environ, **NOWHERE, **tls, "WEIR_REDIRECTOR_PORT": "0", "WEIR_SPOOL": str(tmp_path)}
    done = subprocess.run([WEIR, "run", "redirector"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_CONFIG
    assert "Error: Kafka's client can't work with the WEIR_KAFKA_… settings" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("processes", ["1", "2"])
def test_signing_keys_that_others_may_read_end_a_redirector_with_one_line(tmp_path: Path, processes: str) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    keys.chmod(0o644)
    given = {"WEIR_SIGNING_KEYS": str(keys), "WEIR_REDIRECTOR_PORT": "0", "WEIR_SPOOL": str(tmp_path / "spool")}
    environment = {**os.environ, **NOWHERE, **given, "WEIR_REDIRECTOR_PROCESSES": processes}
    done = subprocess.run([WEIR, "run", "redirector"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_CONFIG
    assert f"Error: WEIR_SIGNING_KEYS: {keys} is open to other users of this machine; do `chmod 600" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_disk_that_is_full_is_no_traceback() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([WEIR, "settings"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("weir: [Errno 28] No space left on device")


def test_a_library_s_own_lines_are_not_shown(tmp_path: Path) -> None:
    environment = {**os.environ, **NOWHERE, "WEIR_DATA": str(tmp_path)}
    done = subprocess.run([WEIR, "audit"], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("Error: No ClickHouse answers")
