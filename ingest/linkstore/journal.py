"""The local snapshot of the links: a journal of the topic, so that a redirector starts without reading it anew.

The file's frames: a `Header`; all links as they were; from then on, batch by batch, what the topic brought. A batch
holds links and the topic's positions behind them, so every prefix of the file is the table at some positions, and to
put a batch into the table twice changes nothing. The first batch with positions says that the links before it are all.

It is a cache: nothing is synced to the disk. What a power failure leaves of it is a prefix, or nothing, and Kafka has
the rest. When much of it is out of date it is written anew beside the old file, which is appended to until the new one
takes its place; a crash in between leaves the old one.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import FileIO
from itertools import islice
from pathlib import Path
from uuid import UUID

import msgspec

from ingest.linkstore.frames import read_frames, write_frame

FORMAT = 1
"""Raised with each change of what stands in the file, `ingest.linkstore.packed` included."""

CHUNK = 500
"""Links in a frame when all are written: few, so that the thread that serves never waits long for its turn."""

FEW = 10_000
"""So many entries out of date are not worth a new file."""


class Header(msgspec.Struct, frozen=True, array_like=True):
    """The first frame."""

    format: int
    topic_id: UUID


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What the topic brought: links by `domain/slug`, packed (empty: deleted), and the positions behind them."""

    links: Mapping[str, bytes] = {}
    positions: Mapping[int, int] = {}
    """Partition → the next offset to read, of those that have moved."""
    current_at: int = 0
    """Unix milliseconds: all that the topic had then lies before the positions. 0: as the batch before said."""


Take = Callable[[Mapping[str, bytes]], None]

_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_header = msgspec.msgpack.Decoder(Header).decode
_batch = msgspec.msgpack.Decoder(Batch).decode


class Journal:
    """One file, in the hands of one thread. What can't be read or written is an `OSError`; then `abandon` it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new_path = path.with_suffix(".new")
        self._file: FileIO | None = None
        self._rewriting: Iterator[None] | None = None
        self._tail: list[bytes] = []
        """What is appended while the new file is written."""
        self._end = self._entries = 0
        self.topic_id = UUID(int=0)
        self.positions: dict[int, int] = {}
        self.current_at = 0
        """Unix milliseconds: the links are those of this time, or newer."""

    @property
    def is_kept(self) -> bool:
        """Whether batches have to be appended: there is a whole snapshot, or one is being written."""
        return self._file is not None or self._rewriting is not None

    def load(self, take: Take) -> bool:
        """Hand over all links in their order; whether there is a whole snapshot. What is behind a tear is left out."""
        try:
            self._end = self._read(take)
        except (FileNotFoundError, msgspec.DecodeError):  # none, or one of another format
            return False
        return bool(self.positions)

    def go_on(self) -> bool:
        """Append to what was loaded; a torn tail is cut off."""
        self._file = self._path.open("r+b", buffering=0)
        self._file.truncate(self._end)
        self._file.seek(self._end)
        return True

    def append(self, batch: Batch) -> None:
        """Write a batch behind the others."""
        payload = _encode(batch)
        if self._file is not None:
            write_frame(self._file, payload)
        if self._rewriting is not None:
            self._tail.append(payload)
        self._note(batch)

    def is_stale(self, links: int) -> bool:
        """Whether much of the file is out of date, where there are so many links, and no new one is being written."""
        return self._rewriting is None and self._entries > 2 * links + FEW

    def rewrite(self, topic_id: UUID, mark: Batch, links: Iterable[tuple[str, bytes]]) -> None:
        """Begin a new file of all links, as they are at the positions of `mark` or later; `step` writes it."""
        self._stop_rewriting()
        self.topic_id, self.positions, self.current_at = topic_id, dict(mark.positions), mark.current_at
        self._tail = []
        self._rewriting = self._rewrite(_encode(mark), iter(links))

    def step(self, seconds: float) -> bool:
        """Write on at the new file for so long; True where it is whole now, and has taken the old one's place."""
        if self._rewriting is None:
            return False
        until = time.monotonic() + seconds
        for _ in self._rewriting:
            if time.monotonic() >= until:
                return False
        self._rewriting = None
        return True

    def abandon(self) -> None:
        """Write no more; what is on the disk stays as it is."""
        self._stop_rewriting()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self, take: Take) -> int:
        """The end of the last whole frame, 0 where there is none; raises `msgspec.DecodeError`."""
        with self._path.open("rb") as file:
            frames = read_frames(file)
            first, end = next(frames, (None, 0))
            if first is None or (header := _header(first)).format != FORMAT:
                return 0
            self.topic_id = header.topic_id
            for payload, place in frames:
                batch = _batch(payload)
                take(batch.links)
                self._note(batch)
                end = place
        return end

    def _note(self, batch: Batch) -> None:
        self._entries += 1 + len(batch.links)
        self.positions.update(batch.positions)
        self.current_at = batch.current_at or self.current_at

    def _rewrite(self, mark: bytes, links: Iterator[tuple[str, bytes]]) -> Iterator[None]:
        """The new file, step by step. Each write lets the thread that serves have its turn."""
        entries = 0
        with contextlib.ExitStack() as on_failure:
            file = on_failure.enter_context(self._new_path.open("wb", buffering=0))
            write_frame(file, _encode(Header(FORMAT, self.topic_id)))
            while chunk := dict(islice(links, CHUNK)):
                write_frame(file, _encode(Batch(chunk)))
                entries += 1 + len(chunk)
                yield
            for payload in (mark, *self._tail):
                write_frame(file, payload)
            self._new_path.replace(self._path)
            on_failure.pop_all()
        if self._file is not None:
            self._file.close()
        self._file, self._entries = file, entries + len(self._tail)

    def _stop_rewriting(self) -> None:
        self._rewriting = None
        with contextlib.suppress(OSError):
            self._new_path.unlink()
