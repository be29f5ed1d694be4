"""What a dead process left, read step by step."""

from pathlib import Path

from ingest.events import Kind, RawClick, encode
from ingest.leftovers import Estate
from ingest.spool import Segment

SRC = 7


def left(folder: Path, kinds: list[Kind], mark: int) -> Estate:
    """Events of these kinds, of which Kafka has those up to a mark."""
    segment = Segment.create(folder / f"{SRC:010x}-00000001.spool", SRC, 1 << 16)
    segment.begin(1)
    for seq, kind in enumerate(kinds, 1):
        segment.append(0, encode(RawClick(kind=kind, src=SRC, seq=seq, ts=1, mark=seq)))
    segment.mark = mark
    return Estate(SRC, [segment])


def test_a_close_that_kafka_has_is_a_close(tmp_path: Path) -> None:
    estate = left(tmp_path, [Kind.CLICK, Kind.CLOSE], mark=2)
    assert estate.read(10) == []
    assert (estate.is_read, estate.is_closed, estate.last) == (True, True, 2)
    estate.close()


def test_no_more_is_looked_at_in_one_go_than_was_asked_for(tmp_path: Path) -> None:
    estate = left(tmp_path, [Kind.CLICK] * 10, mark=8)
    found = []
    for _ in range(3):
        assert not estate.is_read
        found.append([frame.seq for frame in estate.read(4)])
    assert (found, estate.is_read, estate.is_closed) == ([[], [], [9, 10]], True, False)
    estate.close()
