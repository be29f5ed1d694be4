"""Frames in a file: a length, a checksum and so many bytes. Of a torn file the frames before the tear are read.

Layout, little-endian: length u32 (never 0), CRC-32 of the payload u32, payload.
"""

import os
import struct
from collections.abc import Iterator
from io import FileIO
from typing import BinaryIO
from zlib import crc32

_HEADER = struct.Struct("<II")


def write_frame(file: FileIO, payload: bytes) -> None:
    """Append a frame to an unbuffered file; raises `OSError` where not all of it could be written."""
    frame = _HEADER.pack(len(payload), crc32(payload)) + payload
    if file.write(frame) != len(frame):
        raise OSError("the disk is full")


def read_frames(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The payloads of a file from its beginning to its end or to its first torn frame, and where each frame ends."""
    size, end = os.fstat(file.fileno()).st_size, 0
    while len(header := file.read(_HEADER.size)) == _HEADER.size:
        length, checksum = _HEADER.unpack(header)
        end += _HEADER.size + length
        if not length or end > size or crc32(payload := file.read(length)) != checksum:
            return
        yield payload, end
