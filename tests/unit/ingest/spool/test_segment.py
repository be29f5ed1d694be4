"""Segments: what was appended is read, whatever stands behind it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.spool.segment import BOOT, FRAME, FRAME_MAGIC, HEADER, Frame, Segment, SegmentFull

SIZE = 1 << 14
EVENTS = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=300)), max_size=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("segments")


def written(folder: Path, events: list[tuple[int, bytes]], first: int = 1) -> Path:
    """The file of a segment in which events were appended by a process that is gone."""
    path = folder / "segment"
    path.unlink(missing_ok=True)
    segment = Segment.create(path, 7, SIZE)
    segment.begin(first)
    for partition, event in events:
        segment.append(partition, event)
    segment.close()
    return path


def frames(segment: Segment) -> list[Frame]:
    found, place = [], HEADER.size
    while (frame := segment.frame(place)) is not None:
        found.append(frame)
        place = frame.next
    return found


def read(path: Path) -> Segment:
    segment = Segment.open(path, 7)
    assert segment is not None
    return segment


@settings(max_examples=40, deadline=None)
@given(EVENTS, st.integers(1, 2**34))
def test_what_was_appended_is_read(folder: Path, events: list[tuple[int, bytes]], first: int) -> None:
    segment = read(written(folder, events, first))
    assert (segment.src, segment.first, segment.mark, segment.boot) == (7, first, 0, BOOT)
    assert [(frame.partition, frame.event) for frame in frames(segment)] == events
    assert [frame.seq for frame in frames(segment)] == list(range(first, first + len(events)))
    segment.close()


@settings(max_examples=40, deadline=None)
@given(EVENTS.filter(bool), st.data())
def test_what_is_torn_ends_the_reading_before_it(
    folder: Path, events: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    path = written(folder, events)
    last = FRAME.size + len(events[-1][1])
    end = HEADER.size + sum(FRAME.size + len(event) for _, event in events)
    cut = end - data.draw(st.integers(1, last), "bytes that never reached the disk")
    with path.open("r+b") as file:
        file.seek(cut)
        file.write(bytes(end - cut))
    segment = read(path)
    whole = [(frame.partition, frame.event) for frame in frames(segment)]
    # Zeros at the end of an event that itself ends with zeros are no damage.
    assert whole in (events[:-1], events)
    assert whole == events[:-1] or path.read_bytes()[:end].endswith(events[-1][1])
    segment.close()


@settings(max_examples=40, deadline=None)
@given(EVENTS.filter(lambda events: len(events) > 2), st.data())
def test_after_damage_the_next_whole_frame_is_found(
    folder: Path, events: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    path = written(folder, events)
    segment = read(path)
    places = [HEADER.size, *(frame.next for frame in frames(segment))]
    hurt = data.draw(st.integers(0, len(events) - 2), "which frame")
    at = data.draw(st.integers(places[hurt], places[hurt + 1] - 1), "which byte")
    byte = data.draw(st.integers(1, 255), "changed how")
    content = bytearray(path.read_bytes())
    content[at] ^= byte
    path.write_bytes(content)
    segment.close()
    segment = read(path)
    assert segment.frame(places[hurt]) is None
    found = segment.next_whole(places[hurt])
    assert found is not None
    assert (found.seq, found.event) == (hurt + 2, events[hurt + 1][1])
    segment.close()


def test_a_frame_in_another_place_is_not_taken_for_one(folder: Path) -> None:
    path = written(folder, [(1, b"first"), (1, b"secnd")])
    content = bytearray(path.read_bytes())
    numbers = slice(HEADER.size + FRAME.size - 8, HEADER.size + FRAME.size)
    content[numbers] = (9).to_bytes(8, "little")
    path.write_bytes(content)
    segment = read(path)
    assert segment.frame(HEADER.size) is None
    segment.close()


def test_a_full_segment_takes_no_more_and_keeps_what_it_has(folder: Path) -> None:
    (folder / "full").unlink(missing_ok=True)
    segment = Segment.create(folder / "full", 7, 256)
    segment.begin(1)
    segment.append(0, b"x" * (256 - HEADER.size - FRAME.size))
    with pytest.raises(SegmentFull):
        segment.append(0, b"y")
    assert (segment.last, segment.end, len(frames(segment))) == (1, 256, 1)
    segment.remove()
    assert not (folder / "full").exists()


def test_the_mark_survives(folder: Path) -> None:
    path = written(folder, [(0, b"a")])
    segment = read(path)
    segment.mark = 2**34 - 1
    segment.flush()
    segment.close()
    again = read(path)
    assert again.mark == 2**34 - 1
    again.close()


def test_an_empty_file_is_no_segment(folder: Path) -> None:
    (folder / "empty").touch()
    assert Segment.open(folder / "empty", 7) is None


@pytest.mark.parametrize("lost", [slice(0, 64), slice(16, 24)])
def test_a_header_that_was_lost_is_told_by_the_frames(folder: Path, lost: slice) -> None:
    path = written(folder, [(3, b"promised"), (3, b"too")], first=40)
    content = bytearray(path.read_bytes())
    content[lost] = bytes(lost.stop - lost.start)
    path.write_bytes(content)
    segment = read(path)
    assert (segment.src, segment.first, segment.mark) == (7, 40, 0)
    assert [frame.event for frame in frames(segment)] == [b"promised", b"too"]
    segment.close()


def test_a_torn_frame_is_told_from_an_end(folder: Path) -> None:
    path = written(folder, [(0, b"whole")])
    segment = read(path)
    end = frames(segment)[-1].next
    assert not segment.is_torn(end)
    segment.close()
    content = bytearray(path.read_bytes())
    content[end : end + len(FRAME_MAGIC)] = FRAME_MAGIC
    path.write_bytes(content)
    segment = read(path)
    assert segment.is_torn(end)
    assert segment.next_whole(end) is None
    segment.close()


def test_disk_that_can_t_be_reserved_leaves_no_file(folder: Path) -> None:
    with pytest.raises(OSError, match=r"File too large|No space left|Invalid argument"):
        Segment.create(folder / "huge", 7, 1 << 62)
    assert not (folder / "huge").exists()
