"""The proxy: each harm it does, before a server that answers one line with its length."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.preflight import HOST
from tests.faults.proxy import HeldBody, LostAcknowledgement, LostReply, Proxy

REQUEST = b"POST /?token=7 HTTP/1.1\r\n\r\n0123456789\n"


class Server:
    """Answers each request, of a header and one line, with the length of the line."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while header := await reader.readuntil(b"\r\n\r\n"):
                body = await reader.readline()
                self.heard.append(header + body)
                writer.write(b"%d\n" % len(body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    running = await found.start()
    yield found
    running.close()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    found = Proxy(server.port)
    yield found
    found.close()


class Client:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, proxy: Proxy) -> "Client":
        return cls(*await asyncio.open_connection(HOST, proxy.port))

    async def ask(self, seconds: float = 5) -> bytes:
        """The answer; empty where the connection broke. Raises `TimeoutError` where nothing comes."""
        async with asyncio.timeout(seconds):
            try:
                self._writer.write(REQUEST)
                return await self._reader.readline()
            except ConnectionError:
                return b""

    def close(self) -> None:
        self._writer.close()


async def test_it_passes_and_delays(proxy: Proxy) -> None:
    client = await Client.connect(proxy)
    assert await client.ask() == b"11\n"
    proxy.delay = 0.2
    started = time.monotonic()
    assert await client.ask() == b"11\n"
    assert time.monotonic() - started >= 0.4
    client.close()


async def test_a_cut_breaks_old_connections_and_new_ones_until_it_is_healed(proxy: Proxy) -> None:
    old = await Client.connect(proxy)
    assert await old.ask() == b"11\n"
    proxy.cut()
    assert await old.ask() == b""
    new = await Client.connect(proxy)
    assert await new.ask() == b""
    proxy.heal()
    healed = await Client.connect(proxy)
    assert await healed.ask() == b"11\n"
    for client in (old, new, healed):
        client.close()


async def test_silence_lasts_for_a_silenced_connection_when_new_ones_pass_again(proxy: Proxy, server: Server) -> None:
    old = await Client.connect(proxy)
    assert await old.ask() == b"11\n"
    proxy.silence()
    new = await Client.connect(proxy)
    for client in (old, new):
        with pytest.raises(TimeoutError):
            await client.ask(0.3)
    proxy.heal()
    healed = await Client.connect(proxy)
    assert await healed.ask() == b"11\n"
    with pytest.raises(TimeoutError):
        await old.ask(0.3)
    assert len(server.heard) == 2
    for client in (old, new, healed):
        client.close()


@pytest.mark.parametrize("hang", [False, True])
async def test_a_reply_is_lost_after_the_body_was_heard(proxy: Proxy, server: Server, hang: bool) -> None:
    trap = LostReply(b"token=7", hang=hang)
    proxy.set(trap)
    client = await Client.connect(proxy)
    if hang:
        with pytest.raises(TimeoutError):
            await client.ask(0.5)
    else:
        assert await client.ask() == b""
    assert trap.sprung.is_set()
    assert server.heard == [REQUEST]
    again = await Client.connect(proxy)
    assert await again.ask() == b"11\n"
    client.close()
    again.close()


async def test_a_body_is_held_until_it_is_released(proxy: Proxy, server: Server) -> None:
    trap = HeldBody(b"token=7", after=4)
    proxy.set(trap)
    client = await Client.connect(proxy)
    asking = asyncio.create_task(client.ask())
    await asyncio.to_thread(trap.sprung.wait, 5)
    await asyncio.sleep(0.2)
    assert server.heard == []
    trap.release()
    assert await asking == b"11\n"
    assert server.heard == [REQUEST]
    client.close()


async def test_only_a_request_with_the_marker_springs_a_trap(proxy: Proxy) -> None:
    trap = LostReply(b"token=8")
    proxy.set(trap)
    client = await Client.connect(proxy)
    assert await client.ask() == b"11\n"
    assert not trap.sprung.is_set()
    client.close()


@pytest.mark.parametrize(
    ("request_", "met"),
    [
        (b"\0\0\0\x20\0\0\0\x09 clicks.raw", True),
        (b"\0\0\0\x20\0\0\0\x09 links", False),
        (b"\0\0\0\x20\0\x03\0\x09 clicks.raw", False),
    ],
)
def test_an_acknowledgement_is_that_of_a_produce_request_to_the_topic(request_: bytes, met: bool) -> None:
    assert LostAcknowledgement(b"clicks.raw").meets(request_) is met
