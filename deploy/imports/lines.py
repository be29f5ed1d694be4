"""Reading a log of any size, plain or gzip, line by line, in bounded memory."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from deploy.imports.combined import MAX_LINE

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"


class Log:
    """An access log on disk; told from its first bytes, not from its name, whether it is compressed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        """Bytes on disk."""
        self.broken = ""
        """What was wrong with the file where it could not be read to its end."""

    def __iter__(self) -> Iterator[bytes]:
        """The lines (see `lines`) as far as they can be read; a damaged end leaves a word in `broken`."""
        return self.read(lambda _: None)

    def read(self, progress: Callable[[int], None]) -> Iterator[bytes]:
        """The lines; `progress` is told the position on disk once a chunk."""
        with self.path.open("rb") as raw:
            compressed = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if compressed else raw
            yield from lines(self._chunks(stream, raw, progress))

    def _chunks(self, stream: BinaryIO, raw: BinaryIO, progress: Callable[[int], None]) -> Iterator[bytes]:
        try:
            while chunk := stream.read(CHUNK):
                yield chunk
                progress(raw.tell())
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self.broken = f"{self.path.name} can't be read to its end: {error}"


def lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines without `\\n` or `\\r\\n`, cut at one byte beyond `MAX_LINE`, however the chunks are cut.

    A last line without a line end is a line too: a server may still be writing it.
    """
    tail = b""
    for chunk in chunks:
        head, *rest = chunk.split(b"\n")
        if not rest:
            tail = (tail + head)[: MAX_LINE + 2]  # one more, for the `\r`
            continue
        yield _ended(tail + head)
        for line in rest[:-1]:
            yield _ended(line)
        tail = rest[-1][: MAX_LINE + 2]
    if tail:
        yield _ended(tail)


def _ended(line: bytes) -> bytes:
    return line.removesuffix(b"\r")[: MAX_LINE + 1]
