"""The data folder: one stack at a time, the same ports and passwords again, and commands that find what runs."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import preflight
from deploy.folder import Folder, adopt, environment_of


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path / "data")
    folder.take()
    yield folder
    folder.release()


def test_a_second_stack_on_the_same_folder_is_refused(folder: Folder) -> None:
    with pytest.raises(preflight.Missing, match=rf"runs on {folder.path} already \(process {os.getpid()}\)"):
        Folder(folder.path).take()


def test_a_folder_that_was_given_back_can_be_taken(folder: Folder) -> None:
    folder.release()
    Folder(folder.path).take()


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(preflight.Missing, match="can't be used: Not a directory"):
        Folder(tmp_path / "file" / "data").take()


def test_a_port_is_kept_from_one_start_to_the_next(folder: Folder) -> None:
    friendly = preflight.free_port()
    with socket.create_server((preflight.HOST, friendly)):
        first = folder.port("api", None, friendly, set())
    assert first != friendly
    assert folder.port("api", None, friendly, set()) == first


def test_the_friendly_port_comes_first(folder: Folder) -> None:
    friendly = preflight.free_port()
    assert folder.port("api", None, friendly, set()) == friendly


def test_nought_is_any_free_port(folder: Folder) -> None:
    friendly = preflight.free_port()
    assert folder.port("api", 0, friendly, set()) not in {0, friendly}


def test_two_services_never_get_one_port(folder: Folder) -> None:
    friendly = preflight.free_port()
    taken: set[int] = set()
    assert folder.port("api", None, friendly, taken) != folder.port("redirector", None, friendly, taken)


def test_a_port_that_was_asked_for_and_is_taken_is_refused(folder: Folder) -> None:
    with socket.create_server((preflight.HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(preflight.Missing, match=rf"Port {port} for the api is taken\. .*--api-port"):
            folder.port("api", port, 8090, set())


def test_passwords_are_made_once_and_for_the_owner_only(folder: Folder) -> None:
    password = folder.password("warehouse")
    assert len(password) >= 24
    assert Folder(folder.path).password("warehouse") == password
    assert folder.password("reader") != password
    assert stat.S_IMODE((folder.path / "stack.json").stat().st_mode) == 0o600


def test_commands_find_the_stack_that_runs(folder: Folder) -> None:
    published = {"WEIR_KAFKA": "127.0.0.1:1", "WEIR_CLICKHOUSE_PASSWORD": "it's 'q\"uoted' $x"}
    folder.publish(published)
    environ = {"HOME": "/"}
    adopt(environ, folder.path)
    assert environ == {"HOME": "/", **published}
    assert stat.S_IMODE((folder.path / "env").stat().st_mode) == 0o600


def test_a_folder_that_the_user_names_wins_beside_the_stack(folder: Folder) -> None:
    folder.publish({"WEIR_KAFKA": "127.0.0.1:1", "WEIR_GEO_DIR": "/stack/geo"})
    environ = {"WEIR_GEO_DIR": "/mine"}
    adopt(environ, folder.path)
    assert environ == {"WEIR_KAFKA": "127.0.0.1:1", "WEIR_GEO_DIR": "/mine"}


def test_servers_named_in_the_environment_win_over_the_stack(folder: Folder) -> None:
    folder.publish({"WEIR_KAFKA": "127.0.0.1:1", "WEIR_CLICKHOUSE": "http://127.0.0.1:2"})
    environ = {"WEIR_CLICKHOUSE": "https://elsewhere:8443"}
    adopt(environ, folder.path)
    assert environ == {"WEIR_CLICKHOUSE": "https://elsewhere:8443"}


def test_a_stack_that_was_killed_is_not_found(folder: Folder) -> None:
    folder.publish({"WEIR_KAFKA": "127.0.0.1:1"})
    left = (folder.path / "env").read_text()
    folder.release()
    (folder.path / "env").write_text(left)
    assert environment_of(folder.path) == {}
    folder.take()
    assert environment_of(folder.path) == {}, "the next one is not ready yet"
    assert environment_of(folder.path / "nowhere") == {}
