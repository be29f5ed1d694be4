"""A TCP proxy that does to connections what networks and dying machines do to them."""

import asyncio
import contextlib
import enum
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from deploy.preflight import HOST

T = TypeVar("T")

CHUNK = 1 << 16
PRODUCE = b"\0\0"
"""A Kafka request's kind: records for the log."""


class State(enum.Enum):
    """What becomes of connections."""

    OPEN = enum.auto()
    """They pass."""
    CUT = enum.auto()
    """They are broken as soon as they are made."""
    SILENT = enum.auto()
    """They are accepted, and nothing ever passes."""


class Trap:
    """Waits for one request that carries `marker`, and springs once; `sprung` is set when the harm is done."""

    def __init__(self, marker: bytes) -> None:
        self.marker = marker
        self.sprung = threading.Event()

    def meets(self, data: bytes) -> bool:
        """Whether this is the request."""
        return self.marker in data


class LostReply(Trap):
    """The request goes through whole; its reply is swallowed, and the connection broken or left hanging."""

    def __init__(self, marker: bytes, *, hang: bool = False) -> None:
        super().__init__(marker)
        self.hang = hang


class LostAcknowledgement(LostReply):
    """As `LostReply`, for the next produce request to the Kafka topic that `marker` names."""

    def meets(self, data: bytes) -> bool:
        """A request begins with its length (four bytes) and its kind (two)."""
        return data[4:6] == PRODUCE and super().meets(data)


class HeldBody(Trap):
    """The request's header and `after` bytes of its body go through, the rest not before `release`."""

    def __init__(self, marker: bytes, after: int) -> None:
        super().__init__(marker)
        self.after = after
        self.released = threading.Event()

    def release(self) -> None:
        """Let the rest of the body through."""
        self.released.set()


class _Link:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.silent = False
        self.trap: Trap | None = None

    def abort(self) -> None:
        for writer in (self.client, self.server):
            if writer is not None:
                writer.transport.abort()


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes connections on to `upstream`, a port there.

    Runs in a thread of its own; its methods may be called by any other.
    """

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.delay = 0.0
        """Seconds that each piece of data waits, in either direction."""
        self._state = State.OPEN
        self._trap: Trap | None = None
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, HOST, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(10)

    def cut(self) -> None:
        """Break all connections, and every new one."""
        self._run(self._change(State.CUT))

    def silence(self) -> None:
        """Pass nothing any more; new connections are accepted and never answered (half-open)."""
        self._run(self._change(State.SILENT))

    def heal(self) -> None:
        """Pass new connections; those that were silenced stay dead, as after a failed peer."""
        self._run(self._change(State.OPEN))

    def set(self, trap: Trap) -> Trap:
        """Set a trap for the next request that carries its marker."""
        self._trap = trap
        return trap

    def close(self) -> None:
        """End everything."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _change(self, state: State) -> None:
        self._state = state
        for link in self._links:
            if state is State.CUT:
                link.abort()
            elif state is State.SILENT:
                link.silent = True

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, _Link(writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, link: _Link) -> None:
        link.silent = self._state is State.SILENT
        self._links.add(link)
        try:
            if self._state is State.CUT:
                return
            answers, link.server = await asyncio.open_connection(HOST, self.upstream)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._forth(link, reader, link.server))
                pumps.create_task(self._back(link, answers))
        except* OSError:
            pass  # one side broke: the other is broken below, as a network would
        finally:
            link.abort()
            self._links.discard(link)

    async def _forth(self, link: _Link, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await asyncio.sleep(self.delay)
            trap = self._trap
            if trap is not None and trap.meets(data):
                self._trap, link.trap = None, trap
                if isinstance(trap, HeldBody):
                    data = await self._hold(trap, data, server)
            if not link.silent:
                server.write(data)
                await server.drain()
        raise ConnectionResetError

    async def _hold(self, trap: HeldBody, data: bytes, server: asyncio.StreamWriter) -> bytes:
        """Write the request's beginning; its rest, once it may go on."""
        split = data.index(b"\r\n\r\n") + 4 + trap.after
        server.write(data[:split])
        trap.sprung.set()
        while not trap.released.is_set():
            await asyncio.sleep(0.05)
        return data[split:]

    async def _back(self, link: _Link, answers: asyncio.StreamReader) -> None:
        while data := await answers.read(CHUNK):
            await asyncio.sleep(self.delay)
            if isinstance(link.trap, LostReply):
                link.trap.sprung.set()
                if not link.trap.hang:
                    break
                link.silent = True
            if not link.silent:
                with contextlib.suppress(ConnectionError):
                    link.client.write(data)
                    await link.client.drain()
        raise ConnectionResetError
