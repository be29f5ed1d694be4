"""The port that a service takes, and what it says where it can't."""

import socket

import pytest
from structlog.testing import capture_logs

from ingest.listen import listen


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_a_free_port_is_taken_and_the_address_that_it_got_is_logged(host: str, shown: str) -> None:
    with capture_logs() as said, listen("redirector", host, 0) as listener:
        address, port = listener.getsockname()[:2]
        with socket.create_connection((address, port), timeout=5):
            pass
    assert [line["url"] for line in said] == [f"http://{shown}:{port}"]


def test_a_taken_port_is_named_with_the_settings_that_choose_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, capture_logs() as said:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            listen("api", "127.0.0.1", port)
    assert ended.value.code == 1
    assert (said[0]["log_level"], said[0]["address"]) == ("critical", f"127.0.0.1:{port}")
    assert "WEIR_API_HOST and WEIR_API_PORT" in said[0]["event"]


def test_an_address_of_another_machine_is_refused_like_a_taken_port() -> None:
    with capture_logs() as said, pytest.raises(SystemExit):
        listen("api", "192.0.2.1", 0)
    assert said[0]["error"].startswith("Cannot assign requested address")
