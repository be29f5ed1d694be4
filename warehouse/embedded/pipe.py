"""A pipe whose writing end belongs to the engine and whose reading end belongs to the event loop."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

SIZE = 1024 * 1024


class Pipe:
    """Iterating gives the bytes as they come, until the writing end is closed; a slow reader slows the writer."""

    async def __aenter__(self) -> Self:
        """Open the pipe; `writer` is the descriptor that whoever writes has to close."""
        reader, self.writer = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, SIZE)
        self._stream = asyncio.StreamReader(limit=SIZE)
        protocol = asyncio.StreamReaderProtocol(self._stream)
        file = os.fdopen(reader, "rb", buffering=0)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, file)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the reading end."""
        self._transport.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes, at most `SIZE` at a time."""
        while chunk := await self._stream.read(SIZE):
            yield chunk
