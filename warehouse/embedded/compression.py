"""The encodings of HTTP bodies that ClickHouse's clients use, a chunk at a time; a body may have several frames."""

import re
import zlib
from collections.abc import Callable
from typing import Protocol, cast

import lz4.frame  # type: ignore[import-untyped]  # lz4 ships no types
from backports import zstd

from warehouse.embedded import errors
from warehouse.embedded.errors import QueryError

ENCODINGS = ("lz4", "zstd", "gzip", "deflate")
"""What answers can be encoded with, the cheapest first."""

_GZIP = 16 + zlib.MAX_WBITS
_FASTEST = 1
_REFUSED = re.compile(r";q=0(\.0*)?$")


class _Frame(Protocol):
    """One frame of a compressed body; the libraries' decompressors all look like this."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


_FRAMES: dict[str, Callable[[], _Frame]] = {
    "lz4": lambda: cast(_Frame, lz4.frame.LZ4FrameDecompressor()),
    "zstd": lambda: cast(_Frame, zstd.ZstdDecompressor()),
    "gzip": lambda: cast(_Frame, zlib.decompressobj(_GZIP)),
    "deflate": lambda: cast(_Frame, zlib.decompressobj()),
}


class Decoder:
    """Undoes a Content-Encoding."""

    def __init__(self, encoding: str) -> None:
        """Raises `QueryError` for an encoding that is not known."""
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity") and encoding not in _FRAMES:
            raise QueryError(
                errors.UNKNOWN_COMPRESSION_METHOD,
                "UNKNOWN_COMPRESSION_METHOD",
                f"Unknown compression method '{encoding}'; there are {', '.join(ENCODINGS)}",
            )
        self._new = _FRAMES.get(encoding)
        self._frame: _Frame | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Plain bytes of the next chunk. Raises `QueryError` where it is not what the encoding says."""
        if self._new is None:
            return chunk
        plain = bytearray()
        try:
            while chunk:
                if self._frame is None or self._frame.eof:
                    self._frame = self._new()
                plain += self._frame.decompress(chunk)
                chunk = self._frame.unused_data or b""
        except (zlib.error, RuntimeError, zstd.ZstdError, EOFError) as error:
            raise QueryError(errors.CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"Cannot decompress: {error}") from error
        return bytes(plain)

    def end(self) -> None:
        """Say that there are no more chunks. Raises `QueryError` where the last frame is not complete."""
        if self._frame is not None and not self._frame.eof:
            raise QueryError(errors.CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", "Cannot decompress: the body is cut off")


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Lz4:
    """lz4's compressor with the interface of the others."""

    def __init__(self) -> None:
        self._context = lz4.frame.LZ4FrameCompressor()
        self._head: bytes = self._context.begin()

    def compress(self, data: bytes, /) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._context.compress(data))

    def flush(self) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._context.flush())


_COMPRESSORS: dict[str, Callable[[], _Compressor]] = {
    "lz4": _Lz4,
    "zstd": lambda: zstd.ZstdCompressor(level=_FASTEST),
    "gzip": lambda: zlib.compressobj(_FASTEST, wbits=_GZIP),
    "deflate": lambda: zlib.compressobj(_FASTEST),
}


class Encoder:
    """Makes a Content-Encoding."""

    def __init__(self, encoding: str) -> None:
        self._compressor = _COMPRESSORS[encoding]() if encoding else None

    def feed(self, chunk: bytes) -> bytes:
        """Compressed bytes that are ready; may be empty."""
        return self._compressor.compress(chunk) if self._compressor else chunk

    def end(self) -> bytes:
        """The rest."""
        return self._compressor.flush() if self._compressor else b""


def choose(accepted: str) -> str:
    """The encoding for an answer, from Accept-Encoding: the cheapest that is accepted, or none."""
    parts = [part.replace(" ", "").lower() for part in accepted.split(",")]
    names = {part.split(";")[0] for part in parts if not _REFUSED.search(part)}
    return next((encoding for encoding in ENCODINGS if encoding in names), "")
