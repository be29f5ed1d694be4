"""The short way answers as uvicorn's way does, byte for byte, and takes only what it may."""

import asyncio
from typing import Any

import msgspec
import pytest
import uvicorn
from uvicorn.server import ServerState

from ingest import metrics
from ingest.app import Redirector
from ingest.direct import KEEP_ALIVE_SECONDS, MAX_AT_ONCE, DirectHttp
from ingest.links import Link, link_id, link_key
from ingest.linkstore import LiveLinks
from ingest.protocol import LimitedHttp
from ingest.replies import REDIRECT, Reply
from ingest.settings import IngestSettings
from ingest.spool import Slot

LINE = b" HTTP/1.1\r\nHost: localhost\r\n"
DATE = [(b"date", b"Sun, 22 Nov 2026 13:00:00 GMT")]


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 4711), "sockname": ("127.0.0.1", 8080)})
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def write_eof(self) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Tasks(set[Any]):
    """uvicorn's tasks, one for each request that goes its way."""

    begun = 0

    def add(self, task: Any) -> None:
        self.begun += 1
        super().add(task)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, slot: Slot) -> Redirector:
    """A redirector whose Kafka does not answer, with some links, which are all."""
    monkeypatch.setattr(LiveLinks, "is_ready", True)
    app = Redirector(IngestSettings(kafka="127.0.0.1:1"), slot, lambda _: None)
    links: dict[str, dict[str, Any]] = {"a": {}, "off": {"enabled": False}, "p": {"referrer_policy": "origin"}}
    for slug, fields in links.items():
        link = Link(
            id=link_id("localhost", slug), domain="localhost", slug=slug, version=1,
            destination="https://example.com/?x=0", **fields,
        )  # fmt: skip
        app._links.read(link_key("localhost", slug), msgspec.json.encode(link))
    return app


class Client:
    """A connection to an application through one of the protocols."""

    def __init__(self, app: Any, protocol: type[LimitedHttp]) -> None:
        config = uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_config=None, proxy_headers=False)
        config.load()
        self.state = ServerState()
        self.state.default_headers = DATE
        self.tasks = self.state.tasks = Tasks()
        self.transport = Transport()
        self.protocol = protocol(config=config, server_state=self.state, app_state={})
        self.protocol.connection_made(self.transport)

    async def ask(self, *data: bytes) -> bytes:
        """What is answered to bytes that come in pieces."""
        before = len(self.transport.written)
        for piece in data:
            self.protocol.data_received(piece)
        while self.tasks:
            await asyncio.sleep(0)
        return self.transport.written[before:]

    def lose(self) -> None:
        """The connection ends."""
        self.protocol.connection_lost(None)


REQUESTS = {
    "a link": b"GET /a" + LINE + b"\r\n",
    "a query": b"GET /a?b=1&w_pos=3" + LINE + b"\r\n",
    "HEAD": b"HEAD /a" + LINE + b"\r\n",
    "HEAD of what is not there": b"HEAD /none" + LINE + b"\r\n",
    "not there": b"GET /none" + LINE + b"\r\n",
    "off": b"GET /off" + LINE + b"\r\n",
    "a policy": b"GET /p" + LINE + b"\r\n",
    "encoded": b"GET /%61?%62" + LINE + b"\r\n",
    "two slashes": b"GET //a" + LINE + b"\r\n",
    "robots": b"GET /robots.txt" + LINE + b"\r\n",
    "keep-alive": b"GET /a" + LINE + b"Connection: keep-alive\r\n\r\n",
    "two": 2 * (b"GET /a" + LINE + b"\r\n"),
    "one header twice": b"GET /a" + LINE + b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.5\r\n\r\n",
}
UVICORNS = {
    "close": b"GET /a" + LINE + b"Connection: close\r\n\r\n",
    "1.0": b"GET /a HTTP/1.0\r\nHost: localhost\r\n\r\n",
    "POST": b"POST /a" + LINE + b"Content-Length: 2\r\n\r\nhi",
    "OPTIONS": b"OPTIONS /a" + LINE + b"\r\n",
    "a body": b"GET /a" + LINE + b"Content-Length: 2\r\n\r\nhi",
    "a body in chunks": b"GET /a" + LINE + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "expect": b"GET /a" + LINE + b"Expect: 100-continue\r\n\r\n",
    "upgrade": b"GET /a" + LINE + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a whole address": b"GET http://localhost/a" + LINE + b"\r\n",
    "a fragment": b"GET /a#b" + LINE + b"\r\n",
    "own pages": b"GET /-/live" + LINE + b"\r\n",
    "own pages, encoded": b"GET /%2d%2Flive" + LINE + b"\r\n",
    "no path": b"OPTIONS *" + LINE + b"\r\n",
}


@pytest.mark.parametrize("name", [*REQUESTS, *UVICORNS])
async def test_both_ways_give_the_same_bytes(app: Redirector, name: str) -> None:
    request = (REQUESTS | UVICORNS)[name]
    short, long = Client(app, DirectHttp), Client(app, LimitedHttp)
    for _ in range(2):  # the second time on a connection that has answered already
        answered = await short.ask(request)
        assert answered.startswith(b"HTTP/1.1 ")
        assert answered == await long.ask(request)
        if short.transport.closed:
            break
    assert short.transport.closed == long.transport.closed
    assert (short.tasks.begun == 0) == (name in REQUESTS)
    short.lose()
    long.lose()


async def test_a_request_in_pieces(app: Redirector) -> None:
    client = Client(app, DirectHttp)
    request = REQUESTS["a query"]
    answered = await client.ask(*(request[place : place + 1] for place in range(len(request))))
    assert answered == await client.ask(request)
    assert b"location: https://example.com/?x=0&b=1\r\n" in answered
    client.lose()


async def test_answers_keep_their_order_whichever_way_they_go(app: Redirector) -> None:
    client = Client(app, DirectHttp)
    answered = await client.ask(REQUESTS["a link"] + UVICORNS["POST"] + REQUESTS["not there"] + REQUESTS["a link"])
    assert [int(part[:3]) for part in answered.split(b"HTTP/1.1 ")[1:]] == [302, 405, 404, 302]
    client.lose()


async def test_many_at_once_let_others_have_their_turn(app: Redirector) -> None:
    client = Client(app, DirectHttp)
    answered = await client.ask((MAX_AT_ONCE + 3) * REQUESTS["a link"])
    assert answered.count(b"HTTP/1.1 302") == MAX_AT_ONCE + 3
    assert client.tasks.begun == 3
    client.lose()


async def test_who_does_not_take_his_answers_is_waited_for_uvicorns_way(app: Redirector) -> None:
    client = Client(app, DirectHttp)
    client.protocol.pause_writing()
    client.protocol.data_received(REQUESTS["a link"])
    await asyncio.sleep(0)
    assert client.transport.written == b""
    client.protocol.resume_writing()
    assert (await client.ask()).startswith(b"HTTP/1.1 302")
    client.lose()


async def test_a_connection_that_nobody_uses_is_closed(app: Redirector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedHttp, "_now", 100.0)
    client = Client(app, DirectHttp)
    assert not client.protocol.is_idle(1000.0)
    await client.ask(REQUESTS["a link"])
    assert not client.protocol.is_idle(100.0 + KEEP_ALIVE_SECONDS - 1)
    assert client.protocol.is_idle(100.0 + KEEP_ALIVE_SECONDS)
    client.protocol.data_received(b"GET /a")
    assert not client.protocol.is_idle(100.0 + KEEP_ALIVE_SECONDS)
    client.lose()


async def test_a_reply_that_fails_is_a_500_and_a_line_break_in_a_header_is_one(
    app: Redirector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Reply:
        raise RuntimeError("broken")

    for broken in (fail, lambda *_: Reply(302, REDIRECT, ((b"location", b"https://a/\r\nx: y"),))):
        monkeypatch.setattr(app._redirect, "reply", broken)
        client = Client(app, DirectHttp)
        answered = await client.ask(REQUESTS["not there"])
        assert answered.startswith(b"HTTP/1.1 500 ")
        assert b"x: y" not in answered
        client.lose()


async def test_an_event_that_fails_does_not_fail_the_redirect(app: Redirector, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> bool:
        raise OSError("broken")

    monkeypatch.setattr(app._outbox, "put_encoded", fail)
    before = metrics.NOT_ACCEPTED.counts["capture_failed",]
    client = Client(app, DirectHttp)
    assert (await client.ask(REQUESTS["a link"])).startswith(b"HTTP/1.1 302 ")
    assert metrics.NOT_ACCEPTED.counts["capture_failed",] == before + 1
    client.lose()
