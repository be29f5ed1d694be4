"""Deadlines of the protocol, with a real server in a thread: what the redirector itself is too quick to show."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from ingest import metrics
from ingest.listen import listen
from ingest.protocol import LimitedHttp, PatientServer

PATIENCE = 1.0
CHUNK = bytes(16 << 20)
"""More than the buffers between a server and a client that does not read."""


async def two_chunks(scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for more in (True, False):
        await send(
            {"type": "http.response.body", "body": CHUNK if scope["path"] == "/much" else b"x", "more_body": more}
        )


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with listen("redirector", "127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            two_chunks,
            http=LimitedHttp,
            loop="uvloop",
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=2,
        )
        server = PatientServer(config, PATIENCE)
        running = threading.Thread(target=server.run, args=([listener],))
        running.start()
        yield listener.getsockname()
        server.should_exit = True
        running.join(10)


def test_who_does_not_take_the_answer_is_closed_though_he_goes_on_asking(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    before = metrics.SLOW.counts[()]
    with socket.create_connection(address, timeout=10) as connection:
        limit = time.monotonic() + 10
        with contextlib.suppress(ConnectionError):
            while metrics.SLOW.counts[()] == before:
                connection.sendall(b"GET /much HTTP/1.1\r\n\r\n")
                assert time.monotonic() < limit
                time.sleep(0.2)
    time.sleep(0.2)
    assert metrics.SLOW.counts[()] == before + 1
    assert caplog.messages == [], "the answers that were under way end without a word"


def test_between_two_requests_a_client_is_waited_for_longer(address: tuple[str, int]) -> None:
    before = metrics.SLOW.counts[()]
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        begin = time.monotonic()
        while connection.recv(1 << 16):
            pass
        assert 2.0 <= time.monotonic() - begin < 4.0, "uvicorn's keep-alive"
    assert metrics.SLOW.counts[()] == before
