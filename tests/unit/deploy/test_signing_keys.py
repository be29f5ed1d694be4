"""`weir signing-keys`: the life of a key, and addresses signed with it."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.commands.signing_keys import command
from deploy.signing import make_key
from ingest.signed import SignedLink, verify
from ingest.signing_keys import State, load

LATER = 1_798_761_600
"""2027-01-01, midnight in UTC."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def weir(path: Path, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(
        command, ["--file", str(path), *words], input=typed, env={"WEIR_DEFAULT_DOMAIN": "go.example"}
    )


def links(path: Path, printed: str) -> list[SignedLink | None]:
    secrets = {key.id: key.secret for key in load(path)}
    return [verify(address.removeprefix("https://go.example/"), secrets) for address in printed.splitlines()]


def test_the_file_is_made_and_is_nobody_else_s(path: Path) -> None:
    for _ in range(2):
        assert weir(path, "add").exit_code == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = load(path)
    assert len({key.id for key in keys}) == len({key.secret for key in keys}) == 2


def test_no_secret_is_printed(path: Path) -> None:
    printed = [weir(path, *words).output for words in (["add"], ["add", "--json"], ["list"], ["list", "--json"])]
    secrets = [key["secret"] for key in json.loads(path.read_text())["keys"]]
    assert not [secret for secret in secrets for text in printed if secret in text]
    assert [key["signs"] for key in json.loads(printed[-1])] == [False, True]
    assert printed[2].count("active") == 2


def test_a_rotation(path: Path) -> None:
    old = make_key(path)
    [before] = weir(path, "sign", "https://example.com/").output.splitlines()
    refused = weir(path, "retire", old.id)
    assert refused.exit_code == 1
    assert "`weir signing-keys add`" in refused.output
    new = make_key(path)
    assert weir(path, "retire", old.id).exit_code == 0
    assert [key.state for key in load(path)] == [State.RETIRING, State.ACTIVE]
    [after] = weir(path, "sign", "https://example.com/").output.splitlines()
    assert None not in links(path, f"{before}\n{after}")
    assert weir(path, "remove", new.id).exit_code == 1
    assert weir(path, "remove", old.id).exit_code == 0
    assert [link is None for link in links(path, f"{before}\n{after}")] == [True, False]


def test_the_last_key_goes_only_by_force(path: Path) -> None:
    key = make_key(path)
    assert weir(path, "retire", key.id, "--force").exit_code == 0
    unsigned = weir(path, "sign", "https://example.com/")
    assert (unsigned.exit_code, unsigned.output) == (1, "Error: No key is active; `weir signing-keys add` makes one.\n")
    assert weir(path, "remove", key.id).exit_code == 0
    assert "There are no keys yet" in weir(path, "list").output
    leaked = make_key(path)
    assert weir(path, "remove", leaked.id, "--force").exit_code == 0
    assert load(path) == ()


def test_addresses_by_options(path: Path) -> None:
    make_key(path)
    options = "--message m1 --recipient r/1 --position 3 --of 9 --slot hero --channel email --sent 1970-01-01T00:00:05Z"
    done = weir(path, "sign", "https://a.example/", "https://b.example/", *options.split(), "--expires", "2027-01-01")
    parameters = "w_msg=m1&w_rcpt=r%2F1&w_pos=3&w_of=9&w_slot=hero&w_ch=email&w_sent=5"
    assert links(path, done.output) == [
        SignedLink("go.example", f"https://{letter}.example/", parameters, LATER) for letter in "ab"
    ]


def test_addresses_by_lines(path: Path) -> None:
    make_key(path)
    lines = 'https://a.example/\n\n{"url": "https://b.example/", "recipient": "ö", "domain": "other.example"}\n'
    done = weir(path, "sign", "--lines", "-", "--json", "--message", "m1", "--recipient", "all", typed=lines)
    shown = [json.loads(line) for line in done.output.splitlines()]
    assert [line["url"] for line in shown] == ["https://a.example/", "https://b.example/"]
    assert shown[1]["signed"].startswith("https://other.example/s/")
    addresses = "\n".join(line["signed"].replace("other", "go", 1) for line in shown)
    assert links(path, addresses) == [
        SignedLink("go.example", "https://a.example/", "w_msg=m1&w_rcpt=all"),
        SignedLink("other.example", "https://b.example/", "w_msg=m1&w_rcpt=%C3%B6"),
    ]


@pytest.mark.parametrize(
    ("words", "typed", "complaint"),
    [
        (["javascript:alert(1)"], "", "only http and https"),
        (["https://e.example/", "--domain", "a b"], "", "is no domain"),
        (["https://e.example/", "--sent", "soon"], "", "soon is no time"),
        (["https://e.example/", "--slot", "x" * 65], "", "length <= 64"),
        (["--lines", "-"], "https://e.example/\n//evil.example\n", "line 2: //evil.example can't be a destination"),
        (["--lines", "-"], '{"url": 3}', "line 1: Expected `str`"),
        (["--lines", "-"], '{"urls": "https://e.example/"}', "line 1: Object contains unknown field `urls`"),
        (["--lines", "-"], "{", "line 1: Input data was truncated"),
        ([], "", "Say what to sign"),
    ],
)
def test_what_can_t_be_signed_is_named(path: Path, words: list[str], typed: str, complaint: str) -> None:
    make_key(path)
    done = weir(path, "sign", *words, typed=typed)
    assert done.exit_code in (1, 2)
    assert complaint in done.output


@pytest.mark.parametrize(
    "words", [["list"], ["retire", "k1"], ["remove", "k1"], ["sign", "https://e.example/"], ["add"]]
)
def test_a_file_that_can_t_be_used_is_named_and_left(path: Path, words: list[str]) -> None:
    path.write_text("{")
    path.chmod(0o600)
    done = weir(path, *words)
    assert done.exit_code == 1
    assert f"{path} is no file of signing keys" in done.output
    assert path.read_text() == "{"


def test_an_unknown_key_is_named(path: Path) -> None:
    make_key(path)
    assert "There is no key k9; `weir signing-keys list` shows them." in weir(path, "retire", "k9").output


def test_where_the_keys_are_has_to_be_said(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.delenv("WEIR_SIGNING_KEYS", raising=False)
    assert "`--file FILE`, or WEIR_SIGNING_KEYS" in CliRunner().invoke(command, ["list"]).output
    make_key(path)
    monkeypatch.setenv("WEIR_SIGNING_KEYS", str(path))
    assert CliRunner().invoke(command, ["list"]).exit_code == 0
