"""The process's edge: the port it takes, and what it says where it can't."""

import socket

import pytest

from ingest.server import listen
from ingest.settings import IngestSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_is_taken(host: str) -> None:
    with listen(IngestSettings(redirector_host=host, redirector_port=0)) as listener:
        address, port = listener.getsockname()[:2]
        assert address == host
        with socket.create_connection((address, port), timeout=5):
            pass


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit, match=rf"can't listen on 127\.0\.0\.1:{port} .*WEIR_REDIRECTOR_HOST"):
            listen(IngestSettings(redirector_port=port))
