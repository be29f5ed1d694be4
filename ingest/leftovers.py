"""Leftovers: what dead processes have in the spool is sent again, flagged, and their sources are closed for them.

Delivery: at least once. Segments are deleted when Kafka has all of them; until then whoever comes next begins anew.
Only the process that holds a slot's lock sends what is in it. A source is closed only where its last number is known:
what a process wrote last survives its death, but not a loss of the machine's power.
"""

import contextlib
import re
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path

import msgspec
import structlog

from ingest import metrics
from ingest.events import Kind, RawClick, click_id, decode, encode
from ingest.sender import MAX_IN_FLIGHT, Flight, Sender, outgoing
from ingest.spool.segment import BOOT, HEADER, NO_PARTITION, Frame, Segment
from ingest.spool.slot import Slot, slots_of, try_slot

LOOK_SECONDS = 30.0
"""How often other slots are looked at. One that has been free for so long has lost its process for good."""
BATCH = 128
"""Events read a turn: those of the living come first."""

_FILE = re.compile(r"([0-9a-f]{10})-\d{8}\.spool")

log = structlog.get_logger(__name__)


class Estate:
    """What one dead process left: its segments, read from front to end."""

    def __init__(self, src: int, segments: list[Segment]) -> None:
        self.src = src
        self._segments = segments
        self.mark = max(segment.mark for segment in segments)
        """Kafka has all up to this number."""
        self._damaged: set[Segment] = set()
        self.is_whole = all(segment.boot == BOOT for segment in segments)
        """Whether its end is what the process promised last; not where the machine was started again since."""
        self.rewind()

    def rewind(self) -> None:
        """Begin at the front again."""
        self._index, self._offset = 0, HEADER.size
        self.last = max(self._segments[0].first - 1, 0)
        """Number of the last event that was read."""
        self.is_closed = False
        """Whether that was its close."""

    def read(self, limit: int) -> list[Frame]:
        """Looks at `limit` frames more, or as many as there are; those that Kafka does not have."""
        frames: list[Frame] = []
        seen = 0
        while seen < limit and not self.is_read:
            seen += 1
            segment = self._segments[self._index]
            frame = segment.frame(self._offset) or self._after_damage(segment)
            if frame is None:
                self._index, self._offset = self._index + 1, HEADER.size
            else:
                self._offset = frame.next
                frames.extend(self._taken(frame))
        return frames

    @property
    def is_read(self) -> bool:
        """Whether all frames have been looked at."""
        return self._index >= len(self._segments)

    def remove(self) -> None:
        """Kafka has all of it. A file in which something was damaged is put aside. Raises `OSError`."""
        for segment in self._segments:
            segment.mark = self.last  # where a file can't be deleted, what is in it is not sent again
            if segment in self._damaged:
                segment.path.rename(segment.path.with_suffix(".damaged"))
            segment.remove()

    @property
    def size(self) -> int:
        """Bytes of its files that were not read to their end."""
        return sum(segment.size for segment in self._segments[self._index :])

    def report(self) -> None:
        """Say that it is done."""
        log.info("What a process left in the spool is in Kafka", src=f"{self.src:010x}", last=self.last)
        if not self.is_whole:
            log.warning(
                "The machine was started again since: whether that was all nobody knows, and the source stays open",
                src=f"{self.src:010x}",
            )

    def close(self) -> None:
        """Let go of the files."""
        for segment in self._segments:
            segment.close()

    def _taken(self, frame: Frame) -> list[Frame]:
        missing = frame.seq - self.last - 1
        if missing > 0:
            self._damaged.add(self._segments[self._index])
            metrics.DAMAGED.counts[()] += missing
            log.error("Events in the spool are damaged and lost", src=self.src, first=self.last + 1, events=missing)
        self.last = frame.seq
        self.is_closed = _is_close(frame.event)
        return [frame] if frame.seq > self.mark else []

    def _after_damage(self, segment: Segment) -> Frame | None:
        frame = segment.next_whole(self._offset)
        if frame is None and segment.is_torn(self._offset):
            log.warning("The last frame of a spool was not finished", file=segment.path.name)
        return frame


class Leftovers:
    """Sends estates, one after the other, beside what the living process sends."""

    def __init__(self, slot: Slot, own: int, sender: Sender) -> None:
        self._slot, self._own, self._sender = slot, own, sender
        self._estates: list[Estate] = []
        with contextlib.suppress(OSError):  # a disk that fails: it is looked at again, and does not stop the redirects
            self._estates = estates(slot.path, own)
        self._foreign: list[Slot] = []
        self._free: dict[Path, float] = {}
        self._flights: list[Flight] = []
        self._generation = sender.generation
        self._next_look = time.monotonic() + LOOK_SECONDS

    @property
    def is_busy(self) -> bool:
        """Whether there is an estate that Kafka does not have."""
        return bool(self._estates)

    def turn(self) -> Callable[[], None] | None:
        """One step of it: look for estates, or send a few events of one, or end one.

        What waits for the disk is returned, to be done in whatever thread before the next turn.
        """
        if not self._estates:
            if time.monotonic() < self._next_look:
                return None
            self._next_look = time.monotonic() + LOOK_SECONDS
            return self._look
        estate = self._estates[0]
        if self._generation != self._sender.generation:
            self._generation = self._sender.generation
            self._flights.clear()
            estate.rewind()
        if self._sender.room >= MAX_IN_FLIGHT // 2 and not self._send(estate) and self._has_landed():
            estate.report()
            self._estates.pop(0)
            self._flights.clear()
            return partial(self._end, estate)
        return None

    def close(self) -> None:
        """Leave the rest to whoever comes next."""
        for estate in self._estates:
            estate.close()
        self._release()

    def _end(self, estate: Estate) -> None:
        estate.remove()
        if not self._estates:
            self._release()

    def _send(self, estate: Estate) -> bool:
        """Send some of it; False where all is sent."""
        frames = estate.read(BATCH)
        if not frames and estate.is_read and estate.is_whole and not estate.is_closed:
            frames = [close_of(estate)]
            estate.is_closed = True
        if frames:
            partitions = self._sender.partitions
            batch = [outgoing(frame, estate.src, partitions, doubtful=True) for frame in frames]
            self._flights.append(self._sender.send(batch, frames[-1].seq))
            metrics.RESENT.counts[()] += len(frames)
        return bool(frames) or not estate.is_read

    def _has_landed(self) -> bool:
        """Whether Kafka has all that was sent."""
        for flight in self._flights:
            if flight.error is not None:
                self._sender.fail(flight.error)
                return False
        return all(flight.has_landed for flight in self._flights)

    @property
    def left(self) -> int:
        """Bytes of the files in which something is left to be sent."""
        return sum(estate.size for estate in self._estates)

    def _look(self) -> None:
        """Find estates: in the slot of this process, and in slots that nobody holds any more."""
        self._estates.extend(estates(self._slot.path, self._own))
        now = time.monotonic()
        for path in slots_of(self._slot.path.parent):
            if path == self._slot.path or not any(map(_FILE.fullmatch, (file.name for file in path.iterdir()))):
                continue
            if (slot := try_slot(path)) is None:
                self._free.pop(path, None)
            elif now < self._free.setdefault(path, now) + LOOK_SECONDS * 0.9:
                slot.release()  # its process may just be starting again
            else:
                self._foreign.append(slot)
                self._estates.extend(estates(path, self._own))

    def _release(self) -> None:
        for slot in self._foreign:
            slot.release()
            self._free.pop(slot.path, None)
        self._foreign.clear()


def estates(slot: Path, own: int) -> list[Estate]:
    """What dead processes left in a slot: all but what the process `own` writes there. Raises `OSError`."""
    files: defaultdict[int, list[Path]] = defaultdict(list)
    for path in sorted(slot.iterdir()):
        if match := _FILE.fullmatch(path.name):
            files[int(match[1], 16)].append(path)
    found = [(src, _segments(paths, src)) for src, paths in files.items() if src != own]
    return [Estate(src, segments) for src, segments in found if segments]


def _segments(paths: list[Path], src: int) -> list[Segment]:
    """Those in which something stands, in their order; spare ones that were never begun are deleted."""
    found = []
    for segment in filter(None, (Segment.open(path, src) for path in paths)):
        if segment.first:
            found.append(segment)
        else:
            segment.remove()
    return sorted(found, key=attrgetter("first"))


def _is_close(event: bytes) -> bool:
    try:
        return decode(event).kind is Kind.CLOSE
    except msgspec.DecodeError:  # of a later version
        return False


def close_of(estate: Estate) -> Frame:
    """The last word of a process that did not come to say it."""
    seq, now = max(estate.last, estate.mark) + 1, time.time_ns() // 1_000_000
    word = RawClick(kind=Kind.CLOSE, src=estate.src, seq=seq, ts=now, id=click_id(now, estate.src, seq), mark=seq)
    return Frame(NO_PARTITION, seq, encode(word), 0)
