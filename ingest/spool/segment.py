"""A segment: a file of fixed size, mapped into memory, that events are appended to as frames.

    header   magic 8 · src 8 · first seq 8 · mark 8 · boot id 16 · zeros to 64      little-endian
    frame    magic 4 · length 4 · checksum 4 · partition 4 · seq 8 · the event

The frame's head is written after its event, so a frame that a killed process did not finish is not there. The checksum
finds what a loss of power left half on disk, and the magic, which no event can contain, where whole frames go on behind
it. Disk is reserved when the file is made; where it is full, that is told there and then, and not by a signal in the
middle of a write.
"""

import ctypes
import mmap
import os
import struct
import time
import zlib
from pathlib import Path
from typing import NamedTuple, Self
from uuid import UUID

MAGIC = b"WEIRSPL1"
HEADER = struct.Struct("<8sQQQ16s16x")
FRAME = struct.Struct("<4sIIIQ")
FRAME_MAGIC = b"\xf5\xfaW\xff"
"""Bytes that UTF-8 does not have."""
NO_PARTITION = 0xFFFF_FFFF
"""In a frame: Kafka had not been asked yet how many partitions there are."""

TOUCH_BYTES = 256 * 1024

BOOT = UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip()).bytes
"""The machine's present life: what a process of an earlier one wrote last may never have reached the disk."""

_MARK = struct.Struct("<Q")
_MARK_AT = 24
_pack_frame = FRAME.pack_into
_pack_numbers = struct.Struct("<IQ").pack


class SegmentFull(Exception):
    """The event does not fit."""


class Frame(NamedTuple):
    """One event as it stands in a segment."""

    partition: int
    """Where it goes, whoever sends it: a copy of an event has to lie in the partition of the event."""
    seq: int
    event: bytes
    next: int
    """Where the next frame begins."""


class Segment:
    """One open file. Not safe to use in several threads, but for `flush`."""

    def __init__(self, path: Path, file: int, content: mmap.mmap) -> None:
        self.path = path
        self.end = HEADER.size
        """Where the next frame is appended."""
        self._file, self._map, self.size = file, content, len(content)
        _, self.src, self.first, _, self.boot = HEADER.unpack_from(content)
        self.last = self.first - 1
        """Number of the last event appended to it; one less than the first where there is none."""

    @classmethod
    def create(cls, path: Path, src: int, size: int, *, rest: float = 0.0) -> Self:
        """Make an empty segment, resting for so many seconds now and then (see `touch`).

        Raises `OSError` where its disk can't be reserved.
        """
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, size)
            content = mmap.mmap(file, size)
        except OSError:
            os.close(file)
            path.unlink()
            raise
        touch(content, rest)
        HEADER.pack_into(content, 0, MAGIC, src, 0, 0, BOOT)
        return cls(path, file, content)

    @classmethod
    def open(cls, path: Path, src: int) -> Self | None:
        """A segment that a dead process `src` left, to be read; None where the file is empty. Raises `OSError`.

        Where the header was lost with the machine's power, the frames tell what stood in it, but for the mark.
        """
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        if os.fstat(file).st_size < HEADER.size:
            os.close(file)
            return None
        content = mmap.mmap(file, 0)
        if content[: len(MAGIC)] != MAGIC:
            HEADER.pack_into(content, 0, MAGIC, src, 0, 0, bytes(16))
        segment = cls(path, file, content)
        if not segment.first and (frame := segment.next_whole(HEADER.size)) is not None:
            segment.begin(frame.seq)
        return segment

    def begin(self, seq: int) -> None:
        """Its first event will have this number."""
        self.first, self.last = seq, seq - 1
        HEADER.pack_into(self._map, 0, MAGIC, self.src, seq, 0, self.boot)

    @property
    def mark(self) -> int:
        """Kafka has all events of the source up to this number; as the last to write it down knew."""
        return int(_MARK.unpack_from(self._map, _MARK_AT)[0])

    @mark.setter
    def mark(self, mark: int) -> None:
        _MARK.pack_into(self._map, _MARK_AT, mark)

    def append(self, partition: int, event: bytes) -> None:
        """Write the next event; raises `SegmentFull`. When it returns, the event survives this process."""
        start = self.end
        body = start + FRAME.size
        end = body + len(event)
        if end > self.size:
            raise SegmentFull
        seq = self.last + 1
        self._map[body:end] = event
        _pack_frame(self._map, start, FRAME_MAGIC, len(event), checksum(partition, seq, event), partition, seq)
        self.end, self.last = end, seq

    def frame(self, start: int) -> Frame | None:
        """The frame at a place; None where none is, or one that is not whole."""
        body = start + FRAME.size
        if body > self.size:
            return None
        magic, length, check, partition, seq = FRAME.unpack_from(self._map, start)
        if magic != FRAME_MAGIC or not length or body + length > self.size:
            return None
        event = self._map[body : body + length]
        return Frame(partition, seq, event, body + length) if check == checksum(partition, seq, event) else None

    def next_whole(self, start: int) -> Frame | None:
        """The first whole frame from a place on, however much that is damaged stands before it."""
        place = self._map.find(FRAME_MAGIC, start)
        while place >= 0:
            if (frame := self.frame(place)) is not None:
                return frame
            place = self._map.find(FRAME_MAGIC, place + 1)
        return None

    def is_torn(self, start: int) -> bool:
        """Whether a frame begins at a place and is not whole."""
        return self._map[start : start + len(FRAME_MAGIC)] == FRAME_MAGIC and self.frame(start) is None

    def flush(self) -> None:
        """Returns when the disk has it; may be called in another thread. Raises `OSError`."""
        os.fdatasync(self._file)  # unlike `mmap.flush` it lets other threads run

    def close(self) -> None:
        """Let go of the file, which stays."""
        self._map.close()
        os.close(self._file)

    def remove(self) -> None:
        """Let go of the file and delete it."""
        self.close()
        self.path.unlink(missing_ok=True)


def touch(content: mmap.mmap, rest: float) -> None:
    """Write to every page for the first time, some at a time.

    That may have to wait for the file system's journal, a hundred milliseconds while others write much. Here it is done
    by the thread that makes segments, without the interpreter's lock (ctypes lets go of it), and no visitor waits. It
    is milliseconds of work for the kernel too, in which that thread would not give the core back; so it rests between.
    """
    whole = (ctypes.c_char * len(content)).from_buffer(content)
    for start in range(0, len(content), TOUCH_BYTES):
        ctypes.memset(ctypes.addressof(whole) + start, 0, min(TOUCH_BYTES, len(content) - start))
        if rest:
            time.sleep(rest)


def checksum(partition: int, seq: int, event: bytes) -> int:
    """CRC-32 of an event and of where it belongs: in another's place it is not taken for that one."""
    return zlib.crc32(event, zlib.crc32(_pack_numbers(partition, seq)))
