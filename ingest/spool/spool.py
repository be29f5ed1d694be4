"""The spool of a living process: its segments, appended to by the hot route and read by whoever sends what waits."""

import itertools
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

import structlog

from ingest.sequence import new_src
from ingest.spool.segment import HEADER, Frame, Segment, SegmentFull

SEGMENT_BYTES = 16 << 20
REST_SECONDS = 0.001
"""Between pieces of a segment that is made ready while visitors are answered."""
RETRY_SECONDS = 1.0
"""After a segment could not be made, so that a full disk is not asked again with every click."""

log = structlog.get_logger(__name__)


class Place(NamedTuple):
    """Where a frame stands, or will stand."""

    segment: Segment
    offset: int


class Spool:
    """Events numbered from 1 without gaps. All of it belongs to one thread, but for `make`."""

    def __init__(self, folder: Path, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.src = new_src()
        """The process's start id: random, new at each start."""
        self._folder, self._segment_bytes = folder, segment_bytes
        self._max_segments = max(max_bytes // segment_bytes, 2)
        self._segments: deque[Segment] = deque()
        self._spare: Segment | None = None
        self._unsynced: list[Segment] = []
        self._numbers = itertools.count(1)
        self._retry = 0.0
        self.taken = 0
        """Number of the last event that was taken."""
        self.refused = ""
        """Why the last event was not: `spool_full`, `disk`."""
        self._turn_over()

    @property
    def reserved(self) -> int:
        """Bytes of disk that it has reserved."""
        return (len(self._segments) + (self._spare is not None)) * self._segment_bytes

    @property
    def end(self) -> Place | None:
        """Where the next event will stand, if it still fits; None: there is no segment."""
        return Place(self._segments[-1], self._segments[-1].end) if self._segments else None

    def append(self, partition: int, event: bytes) -> bool:
        """Take an event as number `taken + 1`; False where it can't be, and the number is not used."""
        try:
            self._segments[-1].append(partition, event)
        except (SegmentFull, IndexError):
            if not self._turn_over():
                return False
            self._segments[-1].append(partition, event)
        self.taken += 1
        return True

    def read(self, place: Place, limit: int) -> tuple[list[Frame], Place]:
        """At most so many frames from a place on, and the place after them."""
        segment, offset = place
        frames: list[Frame] = []
        while len(frames) < limit:
            if offset >= segment.end:
                following = next((later for later in self._segments if later.first > segment.last), None)
                if following is None:
                    break
                segment, offset = following, HEADER.size
            elif (frame := segment.frame(offset)) is None:
                raise OSError(f"{segment.path.name} was changed under its owner's hands, at byte {offset}")
            else:
                frames.append(frame)
                offset = frame.next
        return frames, Place(segment, offset)

    def seek(self, seq: int) -> Place | None:
        """The place of an event; None: it is not here, or not yet."""
        segment = next((segment for segment in self._segments if segment.first <= seq <= segment.last), None)
        if segment is None:
            return self.end
        offset = HEADER.size
        while (frame := segment.frame(offset)) is not None and frame.seq < seq:
            offset = frame.next
        return Place(segment, offset)

    def release(self, mark: int) -> list[Segment]:
        """Kafka has all events up to `mark`: the segments that are not needed any more, to be removed."""
        done = []
        while len(self._segments) > 1 and self._segments[0].last <= mark:
            done.append(self._segments.popleft())
        if self._segments:
            self._segments[0].mark = mark
        if done:
            self._unsynced = [segment for segment in self._unsynced if segment not in done]
        return done

    @property
    def wants_spare(self) -> bool:
        """Whether the next segment is to be made ready: no click shall wait for that."""
        if self._spare is not None or time.monotonic() < self._retry or len(self._segments) >= self._max_segments:
            return False
        return not self._segments or self._segments[-1].end * 2 > self._segment_bytes

    def make(self, *, rest: float = REST_SECONDS) -> Segment | None:
        """A segment for `keep`; may run in another thread. None where its disk can't be had."""
        path = self._folder / f"{self.src:010x}-{next(self._numbers):08d}.spool"
        try:
            return Segment.create(path, self.src, self._segment_bytes, rest=rest)
        except OSError as error:
            self._retry = time.monotonic() + RETRY_SECONDS
            log.error("The spool can't grow; once it is full, clicks are redirected and not counted", error=str(error))
            return None

    def keep(self, spare: Segment | None) -> None:
        """The segment that comes next, unless one is there already."""
        if self._spare is None:
            self._spare = spare
        elif spare is not None:
            spare.remove()

    def unsynced(self) -> list[Segment]:
        """The segments in which something may stand that was not flushed yet; those before the last are told once."""
        segments = [*self._unsynced, *list(self._segments)[-1:]]
        self._unsynced = []
        return segments

    def close(self, mark: int, *, keep: bool) -> None:
        """Let go of the files, and delete those that nobody needs; `keep`: the last ones are needed in any case."""
        for segment in [*self.release(mark), *([self._spare] if self._spare else [])]:
            segment.remove()
        for segment in self._segments:
            segment.close() if keep or mark < self.taken else segment.remove()
        self._segments.clear()
        self._spare = None

    def _turn_over(self) -> bool:
        """Go on in the next segment; False where there is none."""
        if self._spare is None:
            if len(self._segments) >= self._max_segments:
                self.refused = "spool_full"
                return False
            self._spare = self.make(rest=0.0) if time.monotonic() >= self._retry else None
        if self._spare is None:
            self.refused = "disk"
            return False
        self._spare.begin(self.taken + 1)
        self._unsynced.extend(list(self._segments)[-1:])
        self._segments.append(self._spare)
        self._spare = None
        return True
