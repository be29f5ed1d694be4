"""The file of signing keys: whose eyes it is for, what is wrong with a broken one, and how a change is taken."""

import asyncio
from pathlib import Path

import pytest

from ingest import metrics
from ingest.signing_keys import REREAD_SECONDS, SigningKeys, SigningKeysError, State, load, signing_key
from tests.unit.ingest.signing import SECRETS, key, write_keys


def broken() -> float:
    return metrics.REGISTRY.get_sample_value("weir_redirector_signing_keys_broken") or 0.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_keys(tmp_path / "keys.json", key("k1"))


def test_a_file_is_read(path: Path) -> None:
    assert load(path) == (key("k1"),)
    assert SigningKeys(path).secrets == {"k1": SECRETS["k1"]}


def test_without_a_file_there_are_no_keys() -> None:
    keys = SigningKeys(None)
    keys.reread()
    assert keys.secrets == {}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604, 0o601])
def test_a_file_that_others_may_open_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(SigningKeysError, match=f"do `chmod 600 {path}`"):
        load(path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "no file of signing keys"),
        (b"\xff", "no file of signing keys"),
        (b"[]", "Expected `object`"),
        (b'{"keys": [{"id": "a b"}]}', "Expected `str` matching regex"),
        (b'{"keys": [], "kees": []}', "unknown field"),
        (b'{"keys": [{"id": "a", "secret": "AAAA", "made_at": "2026-11-01T00:00:00Z"}]}', "length >= 32"),
    ],
)
def test_a_broken_file_is_refused(path: Path, text: bytes, complaint: str) -> None:
    path.write_bytes(text)
    with pytest.raises(SigningKeysError, match=complaint) as raised:
        SigningKeys(path)
    assert str(path) in str(raised.value)


def test_two_keys_with_one_id_are_refused(path: Path) -> None:
    write_keys(path, key("k1"), key("k1", 1))
    with pytest.raises(SigningKeysError, match="two keys with the id k1"):
        load(path)


def test_a_file_that_is_not_there_is_refused_and_the_way_to_make_one_named(tmp_path: Path) -> None:
    with pytest.raises(SigningKeysError, match="`weir signing-keys add` makes one"):
        SigningKeys(tmp_path / "none.json")


def test_the_newest_active_key_signs() -> None:
    keys = (key("k2", 2), key("k1", 1))
    assert signing_key(keys) == keys[0]
    assert signing_key((key("k2", 2, State.RETIRING), keys[1])) == keys[1]
    assert signing_key((key("k1", 1, State.RETIRING),)) is None


def test_a_change_is_taken_and_a_broken_one_leaves_the_keys_and_is_told(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = SigningKeys(path)
    write_keys(path, key("k1"), key("k2"))
    keys.reread()
    assert keys.secrets == SECRETS
    for spoil in (lambda: path.write_bytes(b"{"), lambda: write_keys(path, key("k1"), mode=0o644), path.unlink):
        spoil()
        keys.reread()
        keys.reread()
        assert keys.secrets == SECRETS
        assert broken() == 1
    assert capsys.readouterr().out.count("those that were read before stay valid") == 3
    write_keys(path, key("k2", state=State.RETIRING))
    keys.reread()
    assert keys.secrets == {"k2": SECRETS["k2"]}
    assert broken() == 0


def test_an_unchanged_file_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = SigningKeys(path)
    monkeypatch.setattr("ingest.signing_keys.load", lambda _: pytest.fail("it was read"))
    keys.reread()


async def test_a_change_is_taken_within_a_second(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert REREAD_SECONDS <= 0.5
    monkeypatch.setattr("ingest.signing_keys.REREAD_SECONDS", 0.01)
    keys = SigningKeys(path)
    watching = asyncio.create_task(keys.watch())
    write_keys(path, key("k2"))
    while "k2" not in keys.secrets:
        await asyncio.sleep(0.01)
    watching.cancel()
